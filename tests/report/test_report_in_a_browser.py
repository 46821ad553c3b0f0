"""The report as somebody sees it: in a real browser, wide and narrow, in light and in the dark.

Needs Chromium and its driver (`make setup-browser`); skipped, visibly, where they are not.
"""

# pyright: basic
from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.report.test_report_paper import named

from ownwords.stages.report import write_report

selenium = pytest.importorskip("selenium", reason="needs the package selenium (extra dev)")
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its driver: make setup-browser"),
]

Edit = Callable[[Path, Callable[[Any], Any]], None]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"

#: The contrast of each text of the section with what lies behind it (WCAG 2.1), the lowest first.
CONTRASTS = """
const channels = text => (text.match(/[\\d.]+/g) || []).map(Number);
const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const luminance = rgb => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => sum + share * linear(rgb[i] / 255), 0);
const behind = node => {
  for (let n = node; n; n = n.parentElement) {
    const color = channels(getComputedStyle(n).backgroundColor);
    if (color.length == 3 || color[3] > 0) return color;
  }
  return [255, 255, 255];
};
const found = [];
for (const node of document.querySelectorAll('#comparison p, #comparison td, #comparison th, #comparison svg text')) {
  if (!node.textContent.trim()) continue;
  const style = getComputedStyle(node), svg = node.namespaceURI.endsWith('svg');
  const [a, b] = [channels(svg ? style.fill : style.color), behind(node)].map(luminance);
  found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.textContent.trim()]);
}
return found.sort((x, y) => x[0] - y[0]);
"""

BOXES = """
return [...document.querySelectorAll('#comparison svg text.name')].map(node => {
  const box = node.getBoundingClientRect();
  return [node.textContent, box.left, box.top, box.right, box.bottom];
});
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    profile = tmp_path_factory.mktemp("profile")
    for switch in [*switches, "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}"]:
        options.add_argument(switch)
    driver = Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def show(browser: Any, page: Path, width: int = 1280, scheme: str = "light") -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    values = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": values})
    browser.get(page.as_uri())


def complaints(browser: Any) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser")]


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_the_page_fits_its_window_and_loads_nothing(browser: Any, full_run: Path, width: int) -> None:
    show(browser, write_report(named(full_run, "gsm8k")), width)
    assert len(browser.find_elements("css selector", "#paper table")) == 3
    wide, high = browser.execute_script("return [document.documentElement.scrollWidth, document.body.scrollHeight]")
    assert wide <= width
    assert high > 900, "there is a page at all"
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert complaints(browser) == []


@pytest.mark.slow
def test_every_place_of_the_contents_is_there(browser: Any, full_run: Path) -> None:
    show(browser, write_report(full_run))
    links = browser.find_elements("css selector", "nav a")
    assert len(links) >= 6
    for link in links:
        target = browser.find_element(
            "css selector", link.get_attribute("href").rpartition("/")[2].partition("html")[2]
        )
        assert target.is_displayed()
        assert target.size["height"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [800, 1280])
def test_learnt_and_kept_shows_every_point_and_names_that_can_be_read(browser: Any, full_run: Path, width: int) -> None:
    show(browser, write_report(full_run), width)
    plot = browser.find_element("css selector", "#comparison svg")
    left, right = plot.rect["x"], plot.rect["x"] + plot.rect["width"]
    assert plot.rect["width"] > 300
    points = browser.find_elements("css selector", "#comparison svg .dot, #comparison svg .hollow")
    assert len(points) >= 3
    for point in points:
        assert left <= point.rect["x"] <= right
        assert point.find_elements("xpath", "./*[local-name()='title'] | ../*[local-name()='title']")
    boxes = browser.execute_script(BOXES)
    assert {"vanilla", "sdft"} <= {box[0] for box in boxes}
    for i, (name, l1, t1, r1, b1) in enumerate(boxes):
        for other, l2, t2, r2, b2 in boxes[i + 1 :]:
            apart = r1 <= l2 or r2 <= l1 or b1 <= t2 or b2 <= t1
            assert apart, f"{name} and {other} are written over each other"


def test_every_variant_in_numbers_opens_by_a_click(browser: Any, full_run: Path) -> None:
    show(browser, write_report(full_run))
    details = browser.find_element("css selector", "#comparison details")
    rows = details.find_elements("css selector", "tbody tr")
    assert rows
    assert not rows[0].is_displayed()
    details.find_element("css selector", "summary").click()
    assert all(row.is_displayed() for row in rows)
    assert rows[0].text.startswith("vanilla@part0.5 +5.0 [1.0, 9.0], n = 100, better beyond noise")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_said_can_be_read_in_light_and_in_the_dark(browser: Any, full_run: Path, scheme: str) -> None:
    show(browser, write_report(full_run), scheme=scheme)
    contrasts = browser.execute_script(CONTRASTS)
    assert len(contrasts) > 20
    assert contrasts[0][0] >= 4.5, contrasts[:3]


@pytest.mark.slow
def test_a_name_that_is_markup_stays_a_name(browser: Any, full_run: Path, edit_json: Edit) -> None:
    def rename(found: Any) -> None:
        found["standings"][-1] |= {"variant": HOSTILE, "arm": HOSTILE}

    edit_json(full_run / "comparison.json", rename)
    show(browser, write_report(full_run))
    assert browser.title.startswith("ownwords report")
    browser.find_element("css selector", "#comparison details summary").click()
    assert HOSTILE in browser.find_element("css selector", "#comparison").text
    assert browser.find_elements("css selector", "#comparison img") == []
    assert complaints(browser) == []
