"""Web sites of many makes, written for the tests; none is a copy of a site.

Each is a folder of files by address, and what a brand begun from it must have.
"""

import gzip
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport

HOME = "https://www.marlow.example/"
TEAL, GOLD, CREAM = "#14707A", "#FFC53D", "#FFF1DD"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 80">'
    f'<rect width="120" height="80" fill="{TEAL}"/>'
    f'<circle cx="160" cy="40" r="36" fill="{GOLD}"/></svg>'
)
INLINE = (
    "<svg class=logo viewBox='0 0 200 80'><defs><linearGradient id=g><stop offset=0 "
    f"stop-color={TEAL} /><stop offset=1 stop-color={TEAL} /></linearGradient></defs>"
    "<rect width=200 height=80 fill=url(#g) /></svg>"
)
LD = {"@context": "https://schema.org", "@type": "Organization", "name": "Marlow Outdoor"}


def picture(
    *,
    size: tuple[int, int] = (240, 120),
    fill: str = TEAL,
    ground: str | None = None,
    form: str = "PNG",
) -> bytes:
    """Return a logo: a bar and a disc, on a ground or on none."""
    image = Image.new("RGBA", size, ground or (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.rectangle((width // 10, height // 10, width // 2, height * 9 // 10), fill=fill)
    draw.ellipse((width * 6 // 10, height // 5, width * 9 // 10, height * 4 // 5), fill=fill)
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


def page(head: str = "", body: str = "", *, html: str = ' lang="en"') -> str:
    """Return a page with a style sheet main.css."""
    return (
        f"<!doctype html><html{html}><head><meta charset=utf-8>"
        f'<link rel="stylesheet" href="main.css">{head}</head><body>{body}</body></html>'
    )


@dataclass(frozen=True)
class Make:
    """A site and what must be found of it.

    Attributes:
        files: Content by address below the home page; a tuple is a status with a location.
        name: The brand's name.
        palette: Colours that must be chosen, by role.
        logo: A part of where the logo must be from; None where there is none to be had.
        fonts: The fonts' names.
        languages: Locales.
        says: Parts of what must be told to be missing.
        sentence: A part of what must be found of its tone.
    """

    files: Mapping[str, "str | bytes | tuple[int, str]"]
    name: str = "Marlow"
    palette: Mapping[str, str] = field(default_factory=dict)
    logo: str | None = None
    fonts: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    says: tuple[str, ...] = ()
    sentence: str = ""


VARIABLES = f":root{{--color-primary:{TEAL};--color-accent:{GOLD};--color-background:{CREAM}}}"
THREE = {"primary": TEAL, "accent": GOLD, "neutral": CREAM}
TITLE = "<title>Marlow</title>"

MAKES: Mapping[str, Make] = {
    "variables and a drawing in the header": Make(
        {"": page(TITLE, f"<header><a href=/>{INLINE}</a></header>"), "main.css": VARIABLES},
        palette=THREE,
        logo="a drawing within the page",
    ),
    "theme colour and a picture": Make(
        {
            "": page(
                f'{TITLE}<meta name=theme-color content="{TEAL}">',
                '<header><img src="/img/logo.png" alt="Marlow logo"></header>',
            ),
            "main.css": f"body{{background:{CREAM}}} .buy{{background:{GOLD}}}",
            "img/logo.png": picture(),
        },
        palette=THREE,
        logo="logo.png",
    ),
    "linked data": Make(
        {
            "": page(
                "<script type=application/ld+json>"
                + json.dumps({**LD, "logo": {"url": "/l.svg"}, "slogan": "Made for wet mornings"})
                + "</script>"
            ),
            "main.css": VARIABLES,
            "l.svg": SVG,
        },
        name="Marlow Outdoor",
        palette=THREE,
        logo="linked data",
        sentence="Made for wet mornings",
    ),
    "a graph of linked data": Make(
        {
            "": page(
                "<script type='application/ld+json'>"
                + json.dumps({"@graph": [{"@type": "WebPage", "name": "Home"}, LD]})
                + "</script>"
            ),
            "main.css": VARIABLES,
        },
        name="Marlow Outdoor",
        palette=THREE,
        says=("a logo was not found",),
    ),
    "broken linked data": Make(
        {
            "": page(f"{TITLE}<script type='application/ld+json'>{{\"@type\": </script>"),
            "main.css": VARIABLES,
        },
        palette=THREE,
    ),
    "WordPress": Make(
        {
            "": page(
                "<title>Marlow &#8211; Harnesses for dogs</title>",
                '<a class="custom-logo-link" href="/"><img class="custom-logo" src="logo.webp"></a>'
                '<img src="puppy.jpg" alt="A puppy">',
            ).replace("<body>", '<body class="wp-custom-logo">'),
            "main.css": ":root{--wp--preset--color--vivid-red:#cf2e2e;"
            "--wp--preset--color--pale-pink:#f78da7;"
            f"--wp--preset--color--primary:{TEAL};--wp--preset--color--secondary:{GOLD};"
            f"--wp--preset--color--background:{CREAM}}}",
            "logo.webp": picture(form="WEBP"),
        },
        palette=THREE,
        logo="logo.webp",
    ),
    "Bootstrap as it comes, with one colour of its own": Make(
        {
            "": page(TITLE),
            "main.css": ":root{--bs-blue:#0d6efd;--bs-red:#dc3545;--bs-white:#fff}"
            f".navbar{{background:{TEAL}}} .btn{{background-color:{TEAL};color:#fff}}"
            f"footer{{background:{TEAL}}} body{{background:#fff}}",
        },
        palette={"primary": TEAL, "neutral": "#FFFFFF"},
        says=("an accent colour was not found",),
    ),
    "hues in bare numbers": Make(
        {
            "": page(TITLE),
            "main.css": ":root{--background:36 100% 93%;--primary:186 72% 28%;"
            "--primary-foreground:0 0% 100%;--accent:42 100% 62%}"
            ".dark{--background:0 0% 4%;--primary:0 0% 98%}",
        },
        palette={"primary": "#14717B", "accent": "#FFC53D", "neutral": "#FFF1DB"},
    ),
    "colours in OKLCH": Make(
        {
            "": page(TITLE),
            "main.css": ":root{--brand: oklch(49.7% 0.084 206);--highlight: oklch(0.85 0.15 84);"
            "--surface: oklch(97% 0.01 80)}",
        },
        palette={"primary": "#05707A", "accent": "#FCC447"},
    ),
    "a web app manifest": Make(
        {
            "": page('<link rel=manifest href="/app.webmanifest">'),
            "main.css": f"body{{background:{CREAM}}} a{{color:{GOLD}}}",
            "app.webmanifest": json.dumps({"name": "Marlow App", "theme_color": TEAL}),
        },
        name="Marlow App",
        palette=THREE,
    ),
    "a page of 1999": Make(
        {
            "": "<HTML><HEAD><TITLE>Marlow</TITLE></HEAD>"
            "<BODY BGCOLOR=#ffffff><CENTER>Hi</CENTER></BODY>"
        },
        languages=(),
        says=("a primary colour was not found", "a language was not found", "a logo was not found"),
    ),
    "a dark form of its own": Make(
        {
            "": page(TITLE),
            "main.css": "@media (prefers-color-scheme: dark){:root{--primary:#ffffff;"
            f"--background:#000000}}}} {VARIABLES} [data-theme='dark']{{--color-primary:#eeeeee}}",
        },
        palette=THREE,
    ),
    "imported style sheets": Make(
        {
            "": page(TITLE),
            "main.css": '@import url("parts/tokens.css"); @import "missing.css";',
            "parts/tokens.css": VARIABLES,
        },
        palette=THREE,
        says=("missing.css",),
    ),
    "an icon for a logo": Make(
        {
            "": page(f'{TITLE}<link rel=icon href="/favicon.ico"><link rel=icon href="/icon.svg">'),
            "main.css": "",
            "icon.svg": SVG,
        },
        palette={"primary": TEAL, "accent": GOLD},
        logo="icon.svg",
        says=("a neutral colour was not found",),
    ),
    "an icon for phones": Make(
        {
            "": page(f'{TITLE}<link rel="apple-touch-icon" href="touch.png">'),
            "main.css": "",
            "touch.png": picture(size=(180, 180), ground=CREAM),
        },
        palette={"primary": TEAL},
        logo="touch.png",
    ),
    "nothing but a script": Make(
        {"": "<html><head><title>Marlow</title></head><body><div id=root></div><script>1</script>"},
        languages=(),
        says=("a primary colour was not found", "a sentence about itself was not found"),
    ),
    "black and white": Make(
        {
            "": page(TITLE),
            "main.css": "body{color:#111;background:#fafafa} h1{color:#111} a{color:#111}",
        },
        palette={"primary": "#111111"},
        says=("an accent colour was not found",),
    ),
    "many languages": Make(
        {
            "": page(
                f"{TITLE}<link rel=alternate hreflang=de-AT href=/at>"
                "<link rel=alternate hreflang=fr href=/fr>"
                "<link rel=alternate hreflang=x-default href=/>"
                "<meta property=og:locale:alternate content=pt_BR>",
                html=' lang="en-GB"',
            ),
            "main.css": VARIABLES,
        },
        palette=THREE,
        languages=("en_GB", "de_AT", "fr", "pt_BR"),
    ),
    "Arabic": Make(
        {
            "": page(
                "<title>مارلو</title>"
                "<meta name=description content='أحزمة تناسبك وتناسب كلبك كل صباح'>",
                html=' lang="ar" dir="rtl"',
            ),
            "main.css": VARIABLES,
        },
        name="مارلو",
        palette=THREE,
        languages=("ar",),
        sentence="أحزمة",
    ),
    "Cyrillic letters of Windows": Make(
        {
            "": "<html lang=bg><head><meta charset=windows-1251><title>Марлоу</title>"
            f"<style>{VARIABLES}</style>".encode("cp1251"),
        },
        name="Марлоу",
        palette=THREE,
        languages=("bg",),
    ),
    "a logo too small": Make(
        {
            "": page(TITLE, '<img class=logo src="s.png">'),
            "main.css": VARIABLES,
            "s.png": picture(size=(32, 16)),
        },
        palette=THREE,
        says=("a logo was not found", "32x16 pixels"),
    ),
    "a logo with live text, and a picture of it": Make(
        {
            "": page(
                TITLE, "<header><img class=logo src=t.svg></header><img class=logo src=t.png>"
            ),
            "main.css": VARIABLES,
            "t.svg": SVG.replace("</svg>", "<text>Marlow</text></svg>"),
            "t.png": picture(),
        },
        palette=THREE,
        logo="t.png",
        says=("text that is no outline",),
    ),
    "a logo that fetches": Make(
        {
            "": page(TITLE, "<header><img class=logo src=t.svg></header>"),
            "main.css": VARIABLES,
            "t.svg": SVG.replace("<rect", '<image href="https://elsewhere.example/x.png"/><rect'),
        },
        palette=THREE,
        says=("outside itself",),
    ),
    "a white logo": Make(
        {
            "": page(TITLE, "<header><img class=logo src=w.png></header>"),
            "main.css": VARIABLES,
            "w.png": picture(fill="#FFFFFF"),
        },
        palette=THREE,
        logo="w.png",
        says=("white all over",),
    ),
    "damaged markup": Make(
        {
            "": f"<html lang=en><head><title>Marlow</title><style>{VARIABLES} .x{{color:</style>"
            "<body><header><a><div><h1>Two lungs <b>one rhythm</h1><img class=logo src='l.png'",
            "l.png": picture(),
        },
        palette=THREE,
        sentence="one rhythm",
    ),
    "packed though nobody asked": Make(
        {"": gzip.compress(page(TITLE).encode()), "main.css": gzip.compress(VARIABLES.encode())},
        palette=THREE,
    ),
    "names of a scale": Make(
        {
            "": page(TITLE),
            "main.css": f":root{{--clr-brand-100:#d8f0f2;--clr-brand-500:{TEAL};"
            f"--clr-brand-900:#052a2e;--clr-accent-500:{GOLD};--clr-neutral:{CREAM};--clr-text:#2b1a12}}",
        },
        palette={**THREE, "ink": "#2B1A12"},
    ),
    "variables of variables": Make(
        {
            "": page(TITLE),
            "main.css": f":root{{--teal-6:{TEAL};--brand-base:var(--teal-6);"
            f"--primary:var(--gone, var(--brand-base));--accent:var(--nowhere,{GOLD})}}"
            f"body{{background:{CREAM}}}",
        },
        palette=THREE,
    ),
    "a home page that moved": Make(
        {"": (301, "/en/start/"), "en/start/": page(TITLE), "en/start/main.css": VARIABLES},
        palette=THREE,
    ),
    "a base of its own": Make(
        {"": page(f'<base href="/static/">{TITLE}'), "static/main.css": VARIABLES},
        palette=THREE,
    ),
    "a logo that loads late": Make(
        {
            "": page(
                TITLE,
                "<nav><a href=/><img src='data:image/gif;base64,R0' data-src=late.png></a></nav>",
            ),
            "main.css": VARIABLES,
            "late.png": picture(),
        },
        palette=THREE,
        logo="late.png",
    ),
    "a long title": Make(
        {
            "": page("<title>Dog harnesses &amp; leads | Marlow | Free returns</title>"),
            "main.css": VARIABLES,
        },
        palette=THREE,
    ),
    "fonts by name": Make(
        {
            "": page(TITLE),
            "main.css": f"{VARIABLES} @font-face{{font-family:X;src:url(x)}} "
            "body{font-family:'Work Sans',system-ui,sans-serif}"
            "h1,h2{font-family:Fraunces,Georgia,serif}"
            ".icon{font-family:'Font Awesome 6 Free'}",
        },
        palette=THREE,
        fonts=("Fraunces", "Work Sans"),
    ),
    "a style sheet that robots may not read": Make(
        {
            "": page(TITLE, f"<header>{INLINE}</header>"),
            "main.css": VARIABLES,
            "robots.txt": "User-agent: *\nDisallow: /main.css\n",
        },
        palette={"primary": TEAL},
        logo="a drawing within the page",
        says=("robots.txt asks not to read it",),
    ),
}


class SiteTransport(Transport):
    """Answers as a site of some files does, on a public address; keeps what was asked for."""

    def __init__(self, make: Make, *, home: str = HOME) -> None:
        self._make = make
        self._home = home
        self.asked: list[HttpRequest] = []

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        self.asked.append(request)
        content = self._make.files.get(request.url.removeprefix(self._home))
        if isinstance(content, tuple):
            yield HttpStream(content[0], {"location": content[1]}, chunks=[b""])
        elif content is None:
            yield HttpStream(404, {}, chunks=[b"not here"])
        else:
            data = content.encode() if isinstance(content, str) else content
            yield HttpStream(200, {"content-length": str(len(data))}, chunks=[data])
