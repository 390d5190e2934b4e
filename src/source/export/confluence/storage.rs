//! Confluence's storage format: XHTML with macros, whose texts stand in sections of characters.

/// As HTML: sections of characters as text, macros and their parameters on lines of their own.
///
/// In an export that is itself a section, the end of an inner one is written `]] >`.
pub(super) fn to_html(body: &str) -> String {
    let mut out = String::with_capacity(body.len() + 64);
    let mut rest = body;
    while let Some(at) = rest.find("<![CDATA[") {
        push_markup(&rest[..at], &mut out);
        rest = &rest[at + 9..];
        let ends = [("]]>", rest.find("]]>")), ("]] >", rest.find("]] >"))];
        let end = ends.into_iter().filter_map(|(end, at)| Some((at?, end.len()))).min();
        let (end, length) = end.unwrap_or((rest.len(), 0));
        for character in rest[..end].chars() {
            match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                other => out.push(other),
            }
        }
        rest = &rest[end + length..];
    }
    push_markup(rest, &mut out);
    out
}

/// Markup with a line break before whatever belongs to a macro, but for marks that stand in the middle of a word.
fn push_markup(markup: &str, out: &mut String) {
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest[1..].trim_start_matches('/');
        let is_inside = name.starts_with("ac:inline-comment-marker") || name.starts_with("ac:emoticon");
        if name.starts_with("ac:") && !is_inside {
            out.push('\n');
        }
        out.push('<');
        rest = &rest[1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::{super::super::markup, to_html};

    #[test]
    fn code_and_marks() {
        let body = "<p>to<ac:inline-comment-marker ac:ref=\"x\">k</ac:inline-comment-marker>en&nbsp;</p><ac:structured-macro ac:name=\"code\">\
                    <ac:parameter ac:name=\"language\">bash</ac:parameter><ac:plain-text-body><![CDATA[a=\"1\" > b && <c>]] ></ac:plain-text-body></ac:structured-macro>";
        let text = markup::shown(&to_html(body), markup::Markup::Html).into_owned();
        assert!(text.starts_with("token"), "{text}");
        assert!(text.contains("\nbash\n"), "{text}");
        assert!(text.contains("a=\"1\" > b && <c>"), "{text}");
        assert_eq!(to_html("<![CDATA[cut"), "cut");
    }
}
