//! The part of the page that people write: it survives when the page is written anew.

const BEGIN: &str = "<!-- written by hand from here; `cargo xtask report` keeps it -->";
const END: &str = "<!-- to here -->";

/// What stands between the marks, or what stands there before anybody wrote something.
pub(crate) fn of(page: &str) -> &str {
    let after = page.split_once(BEGIN).map(|(_, after)| after);
    let between = after.and_then(|after| after.rsplit_once(END)).map(|(between, _)| between.trim());
    between.filter(|text| !text.is_empty()).unwrap_or("## Where the time goes")
}

/// Text between the marks.
pub(crate) fn marked(text: &str) -> String {
    format!("{BEGIN}\n\n{text}\n\n{END}\n")
}

#[cfg(test)]
mod tests {
    use super::{marked, of};

    #[test]
    fn what_people_wrote_survives() {
        let text = "## Where the time goes\n\n| a | b |\n|---|---|\n\nAnd what next.";
        let page = format!("# Performance\n\ntables\n\n{}", marked(text));
        assert_eq!(of(&page), text);
        assert_eq!(of(&format!("# Anew\n\n{}", marked(of(&page)))), text);
        assert_eq!(of("# Nothing yet"), "## Where the time goes");
    }
}
