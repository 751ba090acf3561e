"""The slides as a teacher opens them where there is no network: a file in a browser."""

from pathlib import Path

from .conftest import guarded

PAGE = Path(__file__).resolve().parents[2] / "docs" / "slides.html"


def test_every_slide_is_seen_and_fits_and_nobody_is_asked(browser, tmp_path):
    with guarded(browser, tmp_path, "slides") as page:
        page.goto(PAGE.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        for number in range(page.evaluate("Reveal.getTotalSlides()")):
            text, height, figure = page.evaluate(
                """() => {
                    const slide = Reveal.getCurrentSlide();
                    const picture = slide.querySelector("img");
                    const box = picture && picture.getBoundingClientRect();
                    return [slide.innerText, slide.scrollHeight, box && box.width * box.height];
                }"""
            )
            assert text.strip() or figure, f"slide {number} is empty"
            assert height <= 720, f"slide {number} is {height} pixels high"
            assert figure is None or figure > 90_000, f"the figure of slide {number} is small"
            page.evaluate("Reveal.next()")
        assert page.evaluate("Reveal.isLastSlide()")
