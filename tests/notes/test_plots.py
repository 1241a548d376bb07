"""Plots, which both projects draw alike."""

from django.template.loader import render_to_string

from config.plots import BASE, LEFT, TOP, WIDTH, Plot


def plot(*series, labels="abc"):
    names = (f"<{number}>" for number in range(len(series)))
    return Plot("Some & more", "Letter", list(labels), dict(zip(names, series, strict=True)))


def test_columns_are_as_high_as_their_values_on_top_of_each_other():
    drawn = plot([1, 0, 2], [3, 0, 0])
    assert drawn.highest == 4
    bars = list(drawn.bars())
    assert [bar.text for bar in bars] == ["a, <0>: 1", "a, <1>: 3", "c, <0>: 2"]
    step = (BASE - TOP) / 4
    assert [bar.height / step for bar in bars] == [1, 3, 2]
    assert [bar.y + bar.height for bar in bars] == [BASE, BASE - step, BASE]
    assert bars[1].y == TOP
    assert bars[0].x == bars[1].x == LEFT < bars[2].x < WIDTH - bars[2].width


def test_without_a_value_there_is_no_bar():
    drawn = plot([0, 0, 0])
    assert (drawn.highest, list(drawn.bars())) == (0, [])
    assert "<rect" not in render_to_string("admin/plot.html", {"plot": drawn})


def test_a_few_of_many_labels_are_written():
    drawn = plot(range(30), labels=[str(number) for number in range(30)])
    assert [label for _, label in drawn.ticks()] == [str(number) for number in range(0, 30, 3)]


def test_the_page_has_the_figures_twice_and_no_markup_of_theirs():
    page = render_to_string("admin/plot.html", {"plot": plot([1, 0, 2], [3, 0, 0], labels="<&>")})
    svg, _, table = page.partition("<table>")
    assert svg.count("<rect") == 3 + 2  # and one in the legend for each series
    assert "<title>&lt;, &lt;1&gt;: 3</title>" in svg
    assert '<th scope="row">&lt;</th><td>1</td><td>3</td>' in table
    assert "Some &amp; more" in svg
    assert "style" not in page
