//! Inputs for the NIST curves: encodings that are no point, scalars that are no private key (R013), and the edges of those that are.

use pleach_crypto::Secret;

use super::inputs::hex;

/// A NIST curve: the order, `p`, and a point with an `x` so small that `x + p` fits too.
pub(super) struct NistCurve {
    pub(super) order: Vec<u8>,
    prime: Vec<u8>,
    small: (u8, Vec<u8>),
}

impl NistCurve {
    /// The curve with field elements of this length.
    pub(super) fn of_len(len: usize) -> Option<Self> {
        let [order, prime, y] = match len {
            32 => [
                "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
                "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
                P256_Y,
            ],
            48 => [
                "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
                "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
                P384_Y,
            ],
            66 => [
                "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa
                 51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
                "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
                 ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                P521_Y,
            ],
            _ => return None,
        };
        let x = match len {
            32 => P256_X,
            48 => P384_X,
            _ => P521_X,
        };
        Some(Self { order: hex(order), prime: hex(prime), small: (x, hex(y)) })
    }

    /// Encodings that are no key, each with what is wrong with it. `point` is one on the curve, uncompressed.
    pub(super) fn bad_points(&self, point: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let (_, xy) = point.split_at(point.len().min(1));
        let len = self.prime.len();
        let (x, y) = xy.split_at(len.min(xy.len()));
        let odd = y.last().map_or(0, |byte| byte & 1);
        let mut bad = vec![
            ("compressed", [&[2 + odd], x].concat()),
            ("compressed, the other sign", [&[3 - odd], x].concat()),
            ("a compressed point's first byte", [&[2 + odd], x, y].concat()),
            ("compact", [&[5], x].concat()),
            ("hybrid", [&[6 + odd], x, y].concat()),
            ("hybrid, the other sign", [&[7 - odd], x, y].concat()),
            ("without a first byte", [x, y].concat()),
            ("first byte zero", [&[0], x, y].concat()),
            ("infinity", vec![0]),
            ("infinity, padded", vec![0; 1 + 2 * len]),
            ("x and y swapped", [&[4], y, x].concat()),
            ("(0, 0)", [&[4][..], &vec![0; 2 * len]].concat()),
            ("coordinates beyond the field", [&[4][..], &vec![0xFF; 2 * len]].concat()),
            ("x = p", [&[4], &self.prime[..], y].concat()),
            ("y = p", [&[4], x, &self.prime].concat()),
            ("a byte more", [point, &[0]].concat()),
        ];
        for at in [1, len, len + 1, 2 * len] {
            let mut moved = point.to_vec();
            if let Some(byte) = moved.get_mut(at) {
                *byte ^= 1;
            }
            bad.push(("off the curve", moved));
        }
        let (x, y) = &self.small;
        bad.push(("x + p", [&[4], &add(&self.prime, *x)[..], y].concat()));
        bad
    }

    /// The point with the small `x`.
    pub(super) fn small_point(&self) -> Vec<u8> {
        let (x, y) = &self.small;
        let mut point = vec![0; 1 + self.prime.len()];
        if let [first, .., last] = &mut point[..] {
            (*first, *last) = (4, *x);
        }
        [point, y.clone()].concat()
    }

    /// Scalars that are no private key.
    pub(super) fn bad_scalars(&self) -> Vec<(&'static str, Secret)> {
        let len = self.order.len();
        vec![
            ("zero", Secret::zero(len)),
            ("the order", Secret::copy_from(&self.order)),
            ("the order plus one", Secret::from(add(&self.order, 1))),
            ("all bits", Secret::copy_from(&vec![0xFF; len])),
        ]
    }

    /// The smallest and the largest private key.
    pub(super) fn edge_scalars(&self) -> [Secret; 2] {
        let mut one = vec![0; self.order.len()];
        if let Some(last) = one.last_mut() {
            *last = 1;
        }
        let mut below = self.order.clone();
        if let Some(last) = below.last_mut() {
            *last -= 1; // the orders are odd
        }
        [Secret::from(one), Secret::from(below)]
    }
}

const P256_X: u8 = 5;
const P256_Y: &str = "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc";
const P384_X: u8 = 2;
const P384_Y: &str =
    "8cdeadbbd04911a3c1931e26df3fa6439dca9c7eb286fbd46fc319f0e2bb780232baf57825fc0c1912ada2fefe84024c";
const P521_X: u8 = 1;
const P521_Y: &str = "0010e59be93c4f269c0269c79e2afd65d6aeaa9b701eacc194fb3ee03df47849bf55
    0ec636ebee0ddd4a16f1cd9406605af38f584567770e3f272d688c832e843564";

/// A big-endian number and a small one.
fn add(number: &[u8], small: u8) -> Vec<u8> {
    let mut carry = u16::from(small);
    let mut sum: Vec<u8> = number
        .iter()
        .rev()
        .map(|byte| {
            carry += u16::from(*byte);
            let low = carry as u8;
            carry >>= 8;
            low
        })
        .collect();
    sum.reverse();
    sum
}
