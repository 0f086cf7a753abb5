//! Shorter SVG that looks the same.

/// A picture without attributes that have their defaults, and with the dashes of a line as one path: together they
/// are more than half of a file.
pub(super) fn compact(svg: &str) -> String {
    let mut shorter = String::with_capacity(svg.len());
    let mut lines = svg.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((style, first)) = polyline(line) else {
            shorter.push_str(&without_defaults(line));
            shorter.push('\n');
            continue;
        };
        let mut path = move_along(first);
        while let Some((next_style, points)) = lines.peek().and_then(|line| polyline(line))
            && next_style == style
        {
            path.push_str(&move_along(points));
            lines.next();
        }
        let style = without_defaults(style);
        shorter.push_str(&format!("<path{style} d=\"{path}\"/>\n"));
    }
    shorter
}

/// The style and the points of a line that is a polyline, and nothing else.
fn polyline(line: &str) -> Option<(&str, &str)> {
    let inner = line.strip_prefix("<polyline")?.strip_suffix("\"/>")?;
    inner.split_once(" points=\"")
}

/// `20,47 54,47` as a path's commands.
fn move_along(points: &str) -> String {
    format!("M{}", points.trim_end().replace(' ', "L"))
}

fn without_defaults(element: &str) -> String {
    element
        .replace(" opacity=\"1\"", "")
        .replace(" stroke-width=\"1\"", "")
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn dashes_of_one_style_are_one_path() {
        let svg = "<svg>\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#1E1E1E\" stroke-width=\"2\" points=\"1,2 3,4 \"/>\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#1E1E1E\" stroke-width=\"2\" points=\"5,6 7,8 9,10 \"/>\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#FF0000\" stroke-width=\"1\" points=\"1,2 3,4 \"/>\n\
            <circle cx=\"1\" cy=\"2\" opacity=\"1\"/>\n\
            </svg>\n";
        let shorter = "<svg>\n\
            <path fill=\"none\" stroke=\"#1E1E1E\" stroke-width=\"2\" d=\"M1,2L3,4M5,6L7,8L9,10\"/>\n\
            <path fill=\"none\" stroke=\"#FF0000\" d=\"M1,2L3,4\"/>\n\
            <circle cx=\"1\" cy=\"2\"/>\n\
            </svg>\n";
        assert_eq!(compact(svg), shorter);
    }
}
