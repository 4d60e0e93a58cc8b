"""GST, HST, QST and provincial retail taxes of Canada by province and day, since 2010.

A rate ends on the day before `valid_to`. HST of a province takes the place of GST there. Provincial rates that begin on
2010-01-01 were already in force then. Announced, but never in force, and therefore not here: HST 15 % in
Newfoundland and Labrador from 2016-01-01, RST 6 % in Manitoba from 2020-07-01. As of 2026-11-20; not tax advice.
"""

from datetime import date
from decimal import Decimal

from app.domain.taxes.rates import Categories, TaxRate

_CRA = (
    "https://www.canada.ca/en/revenue-agency/services/tax/businesses/topics/gst-hst-businesses/"
    "charge-collect-which-rate.html"
)
_CRA_NS = (
    "https://taxinterpretations.com/cra/website/agency/services/forms-publications/publications/rc4058/"
    "quick-method-accounting-gst-hst"
)
_ALL_2026 = "https://www.taxtips.ca/salestaxes/sales-tax-rates-2026.htm"
_BC_PE_2013 = "https://www.bakertilly.ca/insights/tax-changes-in-british-columbia-and-prince-edward-island"
_BC_SAAS = "https://stratossolutions.com/british-columbia-expands-pst-to-cloud-based-services/"
_MB_2013 = "https://www.vatlive.com/vat-news/canada-manitoba-increases-provincial-sales-tax-vat-to-8/"
_MB_2019 = "https://crowe.com/ca/crowesoberman/insights/manitoba-tax-rates"
_MB_SAAS = "https://www.taxandtradelaw.com/Tax-Trade-Blog/manitoba-rst-extended-to-cloud-services.html"
_RISES_2016 = "https://www.avalara.com/vatlive/en/vat-news/canada-sales-tax-hikes-2016.html"
_PE_PST = "http://www.taxandland.pe.ca/index.php3?number=1046325&lang=E"
_QC_2013 = "http://www.revenuquebec.ca/en/salle-de-presse/communiques/autres/2012/17dec.aspx"
_QC_PAST = "https://www.kuoot.com/en/quebec-tax-calculator"
_SK_2017 = "https://ryan.com/canada/about-ryan/news-and-insights/2017/saskatchewan-budget-2017"
_SK_SAAS = "https://www.avalara.com/us/en/vatlive/country-guides/north-america/canada/saskatchewan-pst-eservices.html"

# Retail taxes are levied on goods and software; on services only where a law names them, which no row here does. When
# software that is only reached over the network came under the tax differs by province.
_GOODS: Categories = (("goods", None), ("software", None))
_GOODS_AND_SAAS: Categories = (*_GOODS, ("saas", None))
_BC: Categories = (*_GOODS, ("saas", date(2013, 4, 1)))  # wording of 2024, in force back to 2013
_SK: Categories = (*_GOODS, ("saas", date(2019, 1, 1)))
_MB: Categories = (*_GOODS, ("saas", date(2026, 1, 1)))  # Bill 46, Bulletin RST 033

_KNOWN = "own knowledge"


def _gst_hst(region: str | None, percent: str, start: date, end: date | None, *sources: str) -> TaxRate:
    name = "HST" if region else "GST"
    return TaxRate(name, "gst_hst", "CA", region, Decimal(percent), start, end, sources=sources, confidence="verified")


def _qst(percent: str, start: date, end: date | None, *sources: str) -> TaxRate:
    """Until 2012 the tax was levied on the price with GST."""
    compound = start < date(2013, 1, 1)
    rate = Decimal(percent)
    return TaxRate("QST", "qst", "CA", "QC", rate, start, end, compound, sources=sources, confidence="verified")


def _pst(region: str, percent: str, start: date, end: date | None, categories: Categories, *sources: str) -> TaxRate:
    """Prince Edward Island levied it on the price with GST, the others on the price."""
    return TaxRate(
        "RST" if region in {"MB", "ON"} else "PST",
        "pst",
        "CA",
        region,
        Decimal(percent),
        start,
        end,
        compound=region == "PE",
        categories=categories,
        sources=sources,
        confidence=_KNOWN if _KNOWN in sources else "verified",
    )


RATES: tuple[TaxRate, ...] = (
    _gst_hst(None, "5", date(2008, 1, 1), None, _CRA, _ALL_2026),
    _gst_hst("BC", "12", date(2010, 7, 1), date(2013, 4, 1), _CRA, _BC_PE_2013),
    _gst_hst("NB", "13", date(2008, 1, 1), date(2016, 7, 1), _CRA),
    _gst_hst("NB", "15", date(2016, 7, 1), None, _CRA, _RISES_2016, _ALL_2026),
    _gst_hst("NL", "13", date(2008, 1, 1), date(2016, 7, 1), _CRA),
    _gst_hst("NL", "15", date(2016, 7, 1), None, _CRA, _RISES_2016, _ALL_2026),
    _gst_hst("NS", "13", date(2008, 1, 1), date(2010, 7, 1), _CRA),
    _gst_hst("NS", "15", date(2010, 7, 1), date(2025, 4, 1), _CRA, _CRA_NS),
    _gst_hst("NS", "14", date(2025, 4, 1), None, _CRA_NS, _ALL_2026),
    _gst_hst("ON", "13", date(2010, 7, 1), None, _CRA, _ALL_2026),
    _gst_hst("PE", "14", date(2013, 4, 1), date(2016, 10, 1), _CRA, _BC_PE_2013),
    _gst_hst("PE", "15", date(2016, 10, 1), None, _RISES_2016, _ALL_2026),
    _qst("7.5", date(2010, 1, 1), date(2011, 1, 1), _QC_PAST),
    _qst("8.5", date(2011, 1, 1), date(2012, 1, 1), _QC_PAST),
    _qst("9.5", date(2012, 1, 1), date(2013, 1, 1), _QC_2013, _QC_PAST),
    _qst("9.975", date(2013, 1, 1), None, _QC_2013, _ALL_2026),
    _pst("BC", "7", date(2010, 1, 1), date(2010, 7, 1), _GOODS_AND_SAAS, _KNOWN),
    _pst("BC", "7", date(2013, 4, 1), None, _BC, _BC_PE_2013, _BC_SAAS, _ALL_2026),
    _pst("MB", "7", date(2010, 1, 1), date(2013, 7, 1), _MB, _MB_2013),
    _pst("MB", "8", date(2013, 7, 1), date(2019, 7, 1), _MB, _MB_2013, _MB_2019),
    _pst("MB", "7", date(2019, 7, 1), None, _MB, _MB_2019, _MB_SAAS, _ALL_2026),
    _pst("ON", "8", date(2010, 1, 1), date(2010, 7, 1), _GOODS_AND_SAAS, _KNOWN),
    _pst("PE", "10", date(2010, 1, 1), date(2013, 4, 1), _GOODS_AND_SAAS, _PE_PST),
    _pst("SK", "5", date(2010, 1, 1), date(2017, 3, 23), _SK, _SK_2017),
    _pst("SK", "6", date(2017, 3, 23), None, _SK, _SK_2017, _SK_SAAS, _ALL_2026),
)
