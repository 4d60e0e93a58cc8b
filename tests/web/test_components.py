"""The parts that pages are made of."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask
from flask_login import login_user
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lifecycle import TRANSITIONS, Noun, statuses
from app.domain.money import Money
from app.permissions import Permission
from app.web import formats
from app.web.auth.devices import device
from app.web.charts import HEIGHT, WIDTH, plot
from app.web.icons import icon
from app.web.navigation import Item, is_current
from app.web.signed_in import SignedIn
from app.web.statuses import STATUSES, badge
from tests.laws import tried
from tests.web.gallery import ADA, rendered

AT = datetime(2026, 7, 1, 2, 30, tzinfo=UTC)  # 30 June, half past ten in the evening, in Toronto


def reader(locale: str, timezone: str) -> SignedIn:
    return replace(ADA, locale=locale, timezone=timezone)


class TestFormats:
    @pytest.fixture
    def _request(self, app: Flask) -> Iterator[None]:
        with app.test_request_context():
            yield

    @pytest.mark.usefixtures("_request")
    @pytest.mark.parametrize(
        ("locale", "amount", "text"),
        [
            ("en_CA", Money(123_450, "CAD"), "$1,234.50"),
            ("en_CA", Money(-990, "CAD"), "-$9.90"),
            ("en_CA", Money(123_450, "USD"), "US$1,234.50"),
            ("fr_CA", Money(123_450, "CAD"), "1\xa0234,50\xa0$"),
            ("en_CA", Money(1500, "JPY"), "JP¥1,500"),
            ("en_CA", Money(1_234_567, "KWD"), "KWD1,234.567"),
            ("xx_YY", Money(100, "CAD"), "$1.00"),
        ],
    )
    def test_money_is_written_for_the_reader(self, locale: str, amount: Money, text: str) -> None:
        login_user(reader(locale, "UTC"))
        assert formats.money(amount) == text

    @pytest.mark.usefixtures("_request")
    @pytest.mark.parametrize(
        ("timezone", "text"),
        [
            ("America/Toronto", "Jun 30, 2026, 10:30\u202fp.m. EDT"),
            ("UTC", "Jul 1, 2026, 2:30\u202fa.m. UTC"),
            ("Asia/Kolkata", "Jul 1, 2026, 8:00\u202fa.m. IST"),
        ],
    )
    def test_an_instant_is_the_readers_wall_time_and_keeps_what_is_exact(self, timezone: str, text: str) -> None:
        login_user(reader("en_CA", timezone))
        assert formats.instant(AT) == f'<time datetime="2026-07-01T02:30:00+00:00">{text}</time>'

    @pytest.mark.usefixtures("_request")
    def test_the_day_of_an_instant_is_the_day_where_the_reader_is(self) -> None:
        login_user(reader("en_CA", "America/Toronto"))
        assert formats.day(AT) == '<time datetime="2026-06-30">Jun 30, 2026</time>'
        assert formats.day(date(2026, 7, 1)) == '<time datetime="2026-07-01">Jul 1, 2026</time>'

    @pytest.mark.usefixtures("_request")
    @pytest.mark.parametrize(
        ("locale", "rate", "text"),
        [("en_CA", "13", "13%"), ("en_CA", "9.975", "9.975%"), ("fr_CA", "9.975", "9,975\xa0%"), ("en_CA", "0", "0%")],
    )
    def test_a_rate_keeps_its_decimals(self, locale: str, rate: str, text: str) -> None:
        login_user(reader(locale, "UTC"))
        assert formats.percent(Decimal(rate)) == text

    @pytest.mark.usefixtures("_request")
    def test_a_quantity_keeps_its_decimals_and_loses_its_zeros(self) -> None:
        assert formats.number(Decimal("1200.500000000000")) == "1,200.5"
        assert formats.number(1204) == "1,204"

    def test_nothing_is_written_as_a_dash(self) -> None:
        writers = (formats.money, formats.instant, formats.day, formats.percent, formats.number)
        assert [write(None) for write in writers] == ["–"] * 5


class TestStatuses:
    @pytest.mark.parametrize("noun", sorted(TRANSITIONS))
    def test_every_status_of_the_lifecycle_has_a_badge(self, noun: Noun) -> None:
        assert statuses(noun) <= STATUSES[noun].keys()

    def test_a_status_that_nobody_knows_is_an_error(self) -> None:
        with pytest.raises(LookupError):
            badge("invoice", "forgotten")

    def test_words_are_for_people(self) -> None:
        assert badge("subscription", "past_due").label == "Past due"
        assert badge("invoice", "uncollectible").label == "Written off"

    def test_tones_are_those_of_the_stylesheet(self) -> None:
        tones = {look.tone for noun in STATUSES.values() for look in noun.values()}
        assert tones <= {"success", "info", "warning", "danger", "secondary"}


class TestCharts:
    @pytest.mark.parametrize(
        ("values", "low", "high", "ticks"),
        [
            ([0, 730], 0, 800, ["800", "600", "400", "200", "0"]),
            ([5], 0, 6, ["6", "4", "2", "0"]),
            ([0, 0], 0, 1, ["1", "0"]),
            ([-210, 1850], -1000, 2000, ["2000", "1000", "0", "-1000"]),
            ([-7], -8, 0, ["0", "-2", "-4", "-6", "-8"]),
        ],
    )
    def test_the_grid_takes_round_steps_and_holds_zero(
        self, values: list[int], low: int, high: int, ticks: list[str]
    ) -> None:
        chart = plot("Revenue", "", [(str(n), value) for n, value in enumerate(values)])
        assert (chart.low, chart.high, [tick.text for tick in chart.ticks]) == (low, high, ticks)

    @tried(100)
    @given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60))
    def test_everything_stays_inside_the_drawing(self, values: list[int]) -> None:
        chart = plot("Revenue", "", [(str(n), value) for n, value in enumerate(values)])
        for bar in chart.bars:
            assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
            assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT
        assert all(0 <= int(pair.split(",")[1]) <= HEIGHT for pair in chart.line.split())
        assert 2 <= len(chart.ticks) <= 7

    def test_a_bar_is_as_tall_as_its_value(self) -> None:
        chart = plot("Revenue", "", [("Jan", 400), ("Feb", 800), ("Mar", 0)])
        assert [bar.height for bar in chart.bars] == [HEIGHT // 2, HEIGHT, 0]


class TestIcons:
    def test_an_icon_is_decoration_unless_it_has_a_label(self) -> None:
        assert 'aria-hidden="true"' in icon("house")
        assert 'role="img" aria-label="Close &lt;it&gt;"' in icon("x-lg", "Close <it>")

    def test_an_unknown_icon_is_an_error(self) -> None:
        with pytest.raises(LookupError):
            icon("no-such-icon")


class TestMenus:
    @pytest.mark.parametrize(
        ("item", "endpoint", "current"),
        [
            ("admin.home", "admin.home", True),
            ("admin.home", "admin.invoices.index", False),
            ("admin.invoices.index", "admin.invoices.index", True),
            ("admin.invoices.index", "admin.invoices.show", True),
            ("admin.invoices.index", "admin.invoice_settings.show", False),
            ("admin.invoices.index", "admin.home", False),
            ("admin.home", None, False),
        ],
    )
    def test_a_page_belongs_to_the_item_of_its_section(self, item: str, endpoint: str | None, current: bool) -> None:
        assert is_current(Item("", item, "house", Permission.VIEW), endpoint) is current


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) Version/18.1 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5", "A browser on an unknown system"),
        (None, "A browser on an unknown system"),
    ],
)
def test_a_browser_is_named_in_words_its_owner_knows(agent: str | None, words: str) -> None:
    assert device(agent) == words


class TestForms:
    def test_each_fault_names_its_field_and_is_tied_to_it(self, app: Flask) -> None:
        page = rendered(app, "gallery.html", method="POST", typed={"name": "x" * 30, "interval": "month"})
        for field in ("name", "price", "password"):
            described = re.search(rf'<input[^>]*id="{field}"[^>]*>', page)
            assert described
            assert 'aria-invalid="true"' in described[0]
            assert f"{field}-error" in described[0]
            assert f'href="#{field}"' in page
        assert "Name may have 20 characters; there are 30." in page
        assert "Price is missing." in page

    def test_no_id_stands_on_a_page_twice(self, app: Flask) -> None:
        ids = re.findall(r'\sid="([^"]+)"', rendered(app, "gallery.html"))
        assert sorted(ids) == sorted(set(ids))

    def test_every_form_that_sends_carries_its_token(self, app: Flask) -> None:
        forms = re.findall(r'<form[^>]*method="post".*?</form>', rendered(app, "gallery.html"), re.S)
        assert len(forms) >= 5
        assert all('name="csrf_token"' in form for form in forms)

    def test_every_form_works_without_a_script(self, app: Flask) -> None:
        tags = re.findall(r"<form[^>]*>", rendered(app, "gallery.html"))
        assert all("action=" in tag or 'method="dialog"' in tag for tag in tags)
