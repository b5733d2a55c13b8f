//! Rust source with comments and literals blanked out.
//!
//! A search in the result finds code only, and braces in it can be matched. Lines and columns (in characters) are
//! those of the input. It is a lexer of a few rules, not a parser: code that `rustc` refuses gives some answer.

/// Replaces every comment, string and character literal by spaces; line breaks stay.
pub(crate) fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        let end = match c {
            '/' if next == Some('/') => line_end(&chars, at),
            '/' if next == Some('*') => block_comment_end(&chars, at),
            '"' => string_end(&chars, at + 1),
            'r' if !after_identifier(&chars, at) => raw_string_end(&chars, at).unwrap_or(at),
            '\'' => char_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(c);
            at += 1;
        } else {
            out.extend(chars.iter().take(end).skip(at).map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn line_end(chars: &[char], at: usize) -> usize {
    find(chars, at, |c| c == '\n').unwrap_or(chars.len())
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> Option<usize> {
    chars.iter().skip(from).position(|&c| wanted(c)).map(|n| from + n)
}

/// Block comments nest.
fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut here = at;
    while let Some(&c) = chars.get(here) {
        match (c, chars.get(here + 1)) {
            ('/', Some('*')) => (depth, here) = (depth + 1, here + 2),
            ('*', Some('/')) if depth == 1 => return here + 2,
            ('*', Some('/')) => (depth, here) = (depth - 1, here + 2),
            _ => here += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut here = from;
    while let Some(&c) = chars.get(here) {
        match c {
            '\\' => here += 2,
            '"' => return here + 1,
            _ => here += 1,
        }
    }
    chars.len()
}

/// `r"..."`, `r#"..."#`; `br` and `cr` come here too, since their first letter is taken as code.
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let quote = find(chars, at + 1, |c| c != '#')?;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let hashes = quote - at - 1;
    let mut here = quote + 1;
    loop {
        here = find(chars, here, |c| c == '"')? + 1;
        if chars.iter().skip(here).take_while(|&&c| c == '#').count() >= hashes {
            return Some(here + hashes);
        }
    }
}

/// A quote starts a literal or a lifetime.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    match chars.get(at + 1)? {
        '\\' => find(chars, at + 3, |c| c == '\'').map(|end| end + 1),
        _ => (chars.get(at + 2) == Some(&'\'')).then_some(at + 3),
    }
}

/// Whether the letter at `at` continues an identifier, other than the prefixes `b` and `c` of a literal.
fn after_identifier(chars: &[char], at: usize) -> bool {
    let part = |back: usize| at.checked_sub(back).and_then(|i| chars.get(i)).copied().filter(|c| is_word(*c));
    match part(1) {
        Some('b' | 'c') => part(2).is_some(),
        other => other.is_some(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::blank;

    #[test]
    fn comments_and_literals_go_and_code_stays() {
        assert_eq!(blank("a // b\nc"), "a     \nc");
        assert_eq!(blank("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(blank(r#"f("}\"{")"#), "f(      )");
        assert_eq!(blank("r#\"a\"b\"#;x"), "        ;x");
        assert_eq!(blank("br\"}\" bar"), "b     bar");
        assert_eq!(blank("('{', '\\'', '\\u{7b}')"), "(   ,     ,         )");
        assert_eq!(blank("fn f<'a>(x: &'a str) { r#type }"), "fn f<'a>(x: &'a str) { r#type }");
    }

    #[test]
    fn unfinished_input_ends() {
        for text in ["/*", "\"", "r#\"", "'", "'\\", "\"\\", "//"] {
            assert_eq!(blank(text).len(), text.len(), "{text}");
        }
    }
}
