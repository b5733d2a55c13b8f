//! The functions of RFC 9420 Appendix C, as they stand there: in-order indices, nothing shared with the library's.

/// The height of a node: the number of trailing ones of its index.
#[must_use]
pub fn level(x: usize) -> u32 {
    if x & 1 == 0 {
        return 0;
    }
    let mut k = 0;
    while (x >> k) & 1 == 1 {
        k += 1;
    }
    k
}

/// The number of nodes of a tree with `n` leaves.
#[must_use]
pub fn node_width(n: usize) -> usize {
    if n == 0 { 0 } else { 2 * (n - 1) + 1 }
}

/// The root of a tree with `n` leaves.
#[must_use]
pub fn root(n: usize) -> usize {
    let w = node_width(n);
    let mut log2 = 0;
    while (w >> log2) > 1 {
        log2 += 1;
    }
    (1 << log2) - 1
}

/// The left child of a parent.
#[must_use]
pub fn left(x: usize) -> usize {
    let k = level(x);
    assert_ne!(k, 0, "a leaf has no children");
    x ^ (0x01 << (k - 1))
}

/// The right child of a parent.
#[must_use]
pub fn right(x: usize) -> usize {
    let k = level(x);
    assert_ne!(k, 0, "a leaf has no children");
    x ^ (0x03 << (k - 1))
}

/// The parent of a node other than the root of a tree with `n` leaves.
#[must_use]
pub fn parent(x: usize, n: usize) -> usize {
    assert_ne!(x, root(n), "the root has no parent");
    let k = level(x);
    let b = (x >> (k + 1)) & 0x01;
    (x | (1 << k)) ^ (b << (k + 1))
}

/// The other child of the parent.
#[must_use]
pub fn sibling(x: usize, n: usize) -> usize {
    let p = parent(x, n);
    if x < p { right(p) } else { left(p) }
}

/// The ancestors of a node, from its parent to the root.
#[must_use]
pub fn direct_path(x: usize, n: usize) -> Vec<usize> {
    let (mut x, r, mut d) = (x, root(n), Vec::new());
    while x != r {
        x = parent(x, n);
        d.push(x);
    }
    d
}

/// The siblings of the node and of its ancestors below the root.
#[must_use]
pub fn copath(x: usize, n: usize) -> Vec<usize> {
    if x == root(n) {
        return Vec::new();
    }
    let mut d = direct_path(x, n);
    d.insert(0, x);
    d.pop();
    d.into_iter().map(|y| sibling(y, n)).collect()
}

/// The lowest common ancestor of two leaves.
#[must_use]
pub fn common_ancestor(x: usize, y: usize) -> usize {
    let (mut xn, mut yn, mut k) = (x, y, 0u32);
    while xn != yn {
        xn >>= 1;
        yn >>= 1;
        k += 1;
    }
    if k == 0 { x } else { (xn << k) + (1 << (k - 1)) - 1 }
}

/// Whether `x` is `root` or below it.
#[must_use]
pub fn is_below(x: usize, root: usize) -> bool {
    let reach = (1 << level(root)) - 1;
    x + reach >= root && x <= root + reach
}
