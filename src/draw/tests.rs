//! What a picture must keep, whatever it shows.

use super::*;

const SECOND: u64 = 1_000_000_000;

fn span(from: u64, to: u64, role: Role, label: &str) -> Span {
    Span { from_ns: from, to_ns: to, role, label: label.to_owned(), detail: "detail".to_owned() }
}

fn mark(at_ns: u64, kind: MarkKind, label: &str) -> Mark {
    Mark { at_ns, kind, label: label.to_owned(), detail: format!("{label}, as it should") }
}

/// Two routers: the first is cut off, the second takes over, the first returns.
fn pair(group: &str, shift: u64) -> [Lane; 2] {
    let ms = |at: u64| (at + shift) * SECOND / 1_000;
    let frames = |from: u64, to: u64| {
        (from..to)
            .step_by(100)
            .map(move |at| mark((at + shift) * SECOND / 1_000, MarkKind::Frame, "priority 200"))
    };
    let first = Lane {
        label: "10.0.10.2".to_owned(),
        group: group.to_owned(),
        spans: vec![
            span(0, ms(2_000), Role::Holding, "200"),
            span(ms(2_000), ms(3_000), Role::Down, "power cut"),
            span(ms(3_000), ms(3_360), Role::StandingBy, ""),
            span(ms(3_360), 5 * SECOND, Role::Holding, "200"),
        ],
        marks: frames(0, 1_990)
            .chain(frames(3_360, 5_000 - shift))
            .chain([mark(ms(3_360), MarkKind::TakeOver, "preempts: 200 beats 100")])
            .collect(),
    };
    let second = Lane {
        label: "10.0.10.3".to_owned(),
        group: group.to_owned(),
        spans: vec![
            span(0, ms(2_361), Role::StandingBy, "100"),
            span(ms(2_361), ms(3_361), Role::Holding, "100"),
            span(ms(3_361), 5 * SECOND, Role::StandingBy, ""),
        ],
        marks: frames(2_361, 3_360)
            .chain([mark(ms(2_361), MarkKind::TakeOver, "takes over after 361 ms of silence")])
            .collect(),
    };
    [first, second]
}

fn story(groups: u64) -> Timeline {
    let name = |n: u64| format!("eth0 vrrp {}", n + 10);
    let shift = |n: u64| n * 37 % 900;
    Timeline {
        title: "A power cut\ntwo routers, 5 s".to_owned(),
        from_ns: 0,
        to_ns: 5 * SECOND,
        lanes: (0..groups).flat_map(|n| pair(&name(n), shift(n))).collect(),
        marks: vec![
            mark(2 * SECOND, MarkKind::Fault, "r1 loses its power"),
            mark(3 * SECOND, MarkKind::Repair, "r1 comes back"),
        ],
    }
}

/// Every `<text>` of a picture: left, baseline, size, letters.
fn texts(svg: &str) -> Vec<(f64, f64, f64, String)> {
    let number = |line: &str, name: &str| -> f64 {
        let rest = line.split_once(&format!(" {name}=\"")).unwrap().1;
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    let lines = svg.lines().filter(|line| line.starts_with("<text"));
    lines
        .map(|line| {
            let letters = line.split_once('>').unwrap().1.trim_end_matches("</text>").replace("&amp;", "&");
            (number(line, "x"), number(line, "y"), number(line, "font-size"), letters)
        })
        .collect()
}

/// Neither overlapping nor beyond the edge.
fn assert_legible(timeline: &Timeline) {
    let picture = svg(timeline);
    let head = picture.split_once("width=\"").unwrap().1;
    let width: f64 = head.split_once('"').unwrap().0.parse().unwrap();
    let texts = texts(&picture);
    let right = |text: &(f64, f64, f64, String)| text.0 + place::width(&text.3, text.2);
    for (n, text) in texts.iter().enumerate() {
        assert!(text.0 >= 0.0 && right(text) <= width, "{text:?} leaves the picture");
        for other in &texts[..n] {
            let lines = text.1 - 0.75 * text.2 < other.1 + 1.0 && other.1 - 0.75 * other.2 < text.1 + 1.0;
            let columns = text.0 < right(other) && other.0 < right(text);
            assert!(!(lines && columns), "{text:?} overlaps {other:?}");
        }
    }
}

#[test]
fn no_text_overlaps_with_one_group_nor_with_forty() {
    assert_legible(&story(1));
    assert_legible(&story(5));
    assert_legible(&story(40));
}

#[test]
fn no_text_overlaps_in_a_crowd() {
    let mut timeline = story(2);
    for n in 0..60_u64 {
        let kind = if n % 2 == 0 { MarkKind::Fault } else { MarkKind::Command };
        timeline.marks.push(mark(n * SECOND / 13, kind, &format!("event number {n} of many")));
        timeline.lanes[1].marks.push(mark(n * SECOND / 17, MarkKind::Problem, "TTL 64, must be 255"));
    }
    assert_legible(&timeline);
    assert!(svg(&timeline).contains("labels had no room"));
}

#[test]
fn long_labels_make_the_picture_wider() {
    let mut timeline = story(1);
    timeline.lanes[0].label = "fe80::dead:beef:cafe:1234%a-very-long-interface-name.4094".to_owned();
    timeline.lanes[0].marks.push(mark(SECOND, MarkKind::Problem, &"long ".repeat(40)));
    timeline.title = "t".repeat(300);
    assert_legible(&timeline);
}

#[test]
fn a_take_over_is_drawn_from_the_one_who_held_the_role() {
    let timeline = story(2);
    assert_eq!(timeline.predecessor(1, 2_361_000_000), Some(0));
    assert_eq!(timeline.predecessor(0, 3_360_000_000), Some(1));
    assert_eq!(timeline.predecessor(3, 2_398_000_000), Some(2), "never from another group");
    assert_eq!(timeline.predecessor(1, 0), None);
    assert_eq!(svg(&timeline).matches("class=\"over whole\"").count(), 4);
}

#[test]
fn hostile_text_stays_text() {
    let mut timeline = story(1);
    let hostile = "<script>\"'&\u{1b}[31m\u{0}\u{ffff}";
    timeline.title = hostile.to_owned();
    timeline.lanes[0].label = hostile.to_owned();
    timeline.lanes[0].group = hostile.to_owned();
    timeline.lanes[0].spans[0].detail = hostile.to_owned();
    timeline.marks[0].label = hostile.to_owned();
    let table = Table {
        caption: hostile.to_owned(),
        head: vec![hostile.to_owned()],
        rows: vec![vec![hostile.to_owned()]],
    };
    for page in [svg(&timeline), html(&timeline, &[table])] {
        assert!(!page.contains("<script"));
        assert!(page.chars().all(|letter| letter == '\n' || !letter.is_control()));
    }
    assert!(text(&timeline, 100).chars().all(|letter| letter == '\n' || !letter.is_control()));
}

#[test]
fn a_terminal_shows_the_same() {
    let picture = text(&story(1), 80);
    let lines: Vec<&str> = picture.lines().collect();
    assert!(lines.iter().all(|line| place::columns(line) <= 80), "{picture}");
    let lane = |address: &str| *lines.iter().find(|line| line.contains(address)).unwrap();
    assert!(lane("10.0.10.2").contains("█·") && lane("10.0.10.2").contains("◆█"));
    assert!(lane("10.0.10.3").contains("─◆█"));
    for event in ["r1 loses its power", "r1 comes back", "takes over after 361 ms", "preempts"] {
        assert!(picture.contains(event), "{event} is not in\n{picture}");
    }
}

#[test]
fn nothing_at_all_is_a_picture_too() {
    for timeline in [
        Timeline::default(),
        Timeline { from_ns: 5, to_ns: 5, lanes: vec![Lane::default()], ..Timeline::default() },
        Timeline { from_ns: u64::MAX, to_ns: 0, lanes: pair("g", 0).to_vec(), ..Timeline::default() },
        Timeline { from_ns: 0, to_ns: u64::MAX, lanes: pair("g", 0).to_vec(), ..Timeline::default() },
    ] {
        assert_legible(&timeline);
        assert!(html(&timeline, &[]).ends_with("</html>\n"));
        text(&timeline, 0);
    }
}

#[test]
fn the_same_story_gives_the_same_picture() {
    assert_eq!(svg(&story(7)), svg(&story(7)));
    assert_eq!(text(&story(7), 99), text(&story(7), 99));
}
