//! Reports as pages: self-contained, escaped, and shown by a real browser without a word of complaint. The tests with the
//! browser are ignored unless asked for, as `.ci/run` does, which installs it; `WTCHECK_CHROMIUM` names another one.

use crate::common::{copy_dir, fixture, path, wtcheck};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A name that would do something, were it not escaped.
const HOSTILE: &str = "<img src=x onerror=document.title='run'>&\"'";

/// Every verb that writes pages, and what its page must show.
fn pages(temp: &Path) -> Vec<(PathBuf, &'static str)> {
    let hostile = temp.join(HOSTILE);
    copy_dir(&fixture("local/mongo"), &hostile);
    std::fs::write(hostile.join(format!("{HOSTILE}.wt")), vec![0_u8; 4096]).unwrap();
    let hostile = hostile.display().to_string();
    let leak = fixture("palite/2026-07-leak-full").display().to_string();
    let scenario = fixture("scenarios/rapid_seal_burst.yaml").display().to_string();
    let log = fixture("logs/causes/block-zeros.1.log").display().to_string();
    let lost = fixture("local/lost-extent").display().to_string();
    let verbs: [(&str, Vec<&str>, &str); 8] = [
        ("audit", vec!["audit", &leak], "75,503"),
        ("hostile", vec!["audit", &hostile], "file-unlisted"),
        ("home", vec!["audit", &lost, "-v"], "131,072"),
        ("history", vec!["history", &leak], "1,861"),
        ("map", vec!["map", &leak, "--table", "25"], "orphan"),
        ("map-home", vec!["map", &lost], "one.wt"),
        ("pickup", vec!["pickup", "run", &scenario], "SIGABRT"),
        ("log", vec!["log", &log], "159,744"),
    ];
    verbs
        .into_iter()
        .map(|(name, mut args, shows)| {
            let page = temp.join(format!("{name}.html"));
            args.extend(["--html", path(&page)]);
            let (code, _, err) = wtcheck(&args);
            assert!(code <= 1, "{args:?}: {code} {err}");
            (page, shows)
        })
        .collect()
}

#[test]
fn pages_are_self_contained_and_escaped() {
    let temp = tempfile::tempdir().unwrap();
    for (page, shows) in pages(temp.path()) {
        let html = std::fs::read_to_string(&page).unwrap();
        let name = page.display();
        assert!(html.contains(shows), "{name} does not show {shows}");
        assert!(!html.contains("<img"), "{name}: a name is not escaped");
        for loaded in ["src=\"", "<link", "@import", "url(http", "fetch(", "XMLHttpRequest"] {
            assert!(!html.contains(loaded), "{name} loads something: {loaded}");
        }
        let links = html.match_indices("http").filter(|(at, _)| !html[*at..].starts_with("http://www.w3.org/2000/svg"));
        let links: Vec<&str> = links.map(|(at, _)| &html[at..(at + 40).min(html.len())]).collect();
        assert!(links.iter().all(|l| l.starts_with("http-equiv")), "{name}: {links:?}");
        assert!(html.contains(env!("CARGO_PKG_VERSION")) && html.contains("--html"), "{name}: how it was made");
        assert!(
            !html.contains('\u{1b}') && !html.chars().any(|c| ('\u{e0000}'..='\u{e0fff}').contains(&c)),
            "{name}: marks"
        );
    }
}

#[test]
fn a_page_is_never_written_into_the_store_nor_over_a_file() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    copy_dir(&fixture("palite/2026-07-leak-full"), &home);
    let inside = home.join("page.html");
    let (code, _, err) = wtcheck(&["audit", path(&home), "--html", path(&inside)]);
    assert!(code == 2 && err.contains("inside the inspected directory") && !inside.exists(), "{code} {err}");
    let page = temp.path().join("page.html");
    std::fs::write(&page, "mine").unwrap();
    let (code, _, _) = wtcheck(&["audit", path(&home), "--html", path(&page)]);
    assert!(code == 2 && std::fs::read_to_string(&page).unwrap() == "mine");
    let (code, _, _) = wtcheck(&["audit", path(&home), "--html", path(&page), "--force"]);
    assert!(code == 1 && std::fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
}

/// What is asked of a page that a browser has shown.
const MEASURE: &str = r#"
<script>
addEventListener("load", () => {
  const wide = document.documentElement.clientWidth;
  const inside = (e) => e.closest(".wide, figure, details:not([open])");
  const out = [...document.querySelectorAll("main *")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.right > wide + 1 && !inside(e);
  });
  getSelection().selectAllChildren(document.querySelector("main"));
  const tables = [...document.querySelectorAll("table")].filter((t) => t.tBodies[0].rows.length > 1);
  let sorted = 0;
  for (const table of tables) {
    const head = table.tHead.rows[0].cells[0];
    head.click();
    sorted += head.getAttribute("aria-sort") === "ascending" ? 1 : 0;
  }
  const told = {
    width: innerWidth, client: wide, scroll: document.documentElement.scrollWidth,
    out: out.slice(0, 5).map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)),
    selected: getSelection().toString(), title: document.title,
    tables: tables.length, sorted,
    contrast: getComputedStyle(document.body).color + " on " + getComputedStyle(document.body).backgroundColor,
  };
  const pre = document.createElement("pre");
  pre.id = "told";
  pre.textContent = JSON.stringify(told);
  document.body.append(pre);
});
</script>
"#;

fn browser() -> String {
    let named = std::env::var("WTCHECK_CHROMIUM").ok();
    let there = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    let known = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    named.or_else(|| known.iter().find(|n| there(n)).map(|n| (*n).to_string())).expect("a Chromium, see .ci/run")
}

/// Show a page in a window of so many pixels: what it tells of itself, and the console.
fn shown(page: &Path, width: u32, dark: bool, temp: &TempDir) -> (Value, String) {
    let html = std::fs::read_to_string(page).unwrap();
    let measured = temp.path().join("measured.html");
    std::fs::write(&measured, html.replace("</body>", &format!("{MEASURE}</body>"))).unwrap();
    // A window has a least width of its own; a frame has none.
    let frame = temp.path().join("frame.html");
    let inner = std::fs::read_to_string(&measured).unwrap().replace('&', "&amp;").replace('"', "&quot;");
    let listen = "<script>setInterval(() => { const told = document.querySelector('iframe').contentDocument\
                  ?.querySelector('#told'); if (told && !document.querySelector('#all')) { const pre = \
                  document.createElement('pre'); pre.id = 'all'; pre.textContent = told.textContent; \
                  document.body.append(pre); } }, 20);</script>";
    let framed = format!(
        "<!DOCTYPE html><body><iframe width={width} height=900 style='border:0' srcdoc=\"{inner}\"></iframe>{listen}"
    );
    std::fs::write(&frame, framed).unwrap();
    let out = Command::new(browser())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"])
        .args(["--virtual-time-budget=3000", "--window-size=1600,1000", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={}", i32::from(!dark)))
        .arg(format!("--user-data-dir={}", temp.path().join("profile").display()))
        .arg(format!("file://{}", frame.display()))
        .output()
        .unwrap();
    let (dom, err) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let console = err.lines().filter(|l| l.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
    let told = dom.split("<pre id=\"all\">").nth(1).and_then(|d| d.split("</pre>").next());
    let told = told.unwrap_or_else(|| panic!("{}: nothing was shown: {err}", page.display()));
    let told = told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&nbsp;", " ");
    (serde_json::from_str(&told).unwrap(), console)
}

#[test]
#[ignore = "needs Chromium, which .ci/run installs"]
fn pages_in_a_browser() {
    let temp = tempfile::tempdir().unwrap();
    for (page, shows) in pages(temp.path()) {
        let name = page.display();
        for (width, dark) in [(400, false), (1400, true)] {
            let (told, console) = shown(&page, width, dark, &temp);
            assert_eq!(console, "", "{name} at {width}");
            assert_eq!(told["width"], width, "{name}: {told}");
            assert!(told["scroll"].as_u64() <= told["client"].as_u64(), "{name} at {width} overflows: {}", told["out"]);
            assert_eq!(told["out"].as_array().unwrap().len(), 0, "{name} at {width}: {}", told["out"]);
            assert!(told["selected"].as_str().unwrap().contains(shows), "{name}: {shows} cannot be selected");
            assert_ne!(told["title"], "run", "{name}: a name was run");
            assert_eq!(told["tables"], told["sorted"], "{name}: tables that do not sort");
            let dark_ground = told["contrast"].as_str().unwrap().contains("on rgb(21, 24, 28)");
            assert_eq!(dark_ground, dark, "{name}: {}", told["contrast"]);
        }
    }
}
