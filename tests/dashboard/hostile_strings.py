"""Sixty texts that would run a script, or become a part of a page, wherever one is taken for more than text.

Each calls `canary` or fetches `/canary` with its own number, or leaves an attribute `planted` behind. Of our own
writing; the classes are those of HTML's and htmx's own documents.
"""

_TEXTS = (
    # Tags
    "<script>canary(§)</script>",
    "<script src=/canary§></script>",
    "<ScRiPt/planted>canary(§)</sCrIpT >",
    "<<script>canary(§)//<</script>",
    "<img planted src=/canary§ onerror=canary(§)>",
    "<iframe planted src=javascript:parent.canary(§)></iframe>",
    '<iframe planted srcdoc="<script>parent.canary(§)</script>"></iframe>',
    "<object planted data=/canary§></object><audio planted src=/canary§ onerror=canary(§)>",
    "<link planted rel=stylesheet href=/canary§>",
    "<style planted>@import url(/canary§);</style>",
    "<base planted href=/canary§/>",
    '<meta planted http-equiv=refresh content="0;url=/canary§">',
    "<form planted action=/canary§><button formaction=javascript:canary(§)>Next</button></form>",
    "<template planted shadowrootmode=open><script>canary(§)</script></template>",
    "<p planted style=background:url(/canary§)>",
    # Attributes that are scripts
    "<details planted open ontoggle=canary(§)>",
    "<input planted autofocus onfocus=canary(§)>",
    "<body planted onload=canary(§) onpageshow=canary(§)>",
    "<video planted><source onerror=canary(§)></video>",
    "<a planted href=javascript:canary(§)>Next</a>",
    # Out of an attribute
    '" planted onmouseover="canary(§)',
    "' planted onmouseover='canary(§)",
    "` planted onfocus=canary(§)",
    "x planted onclick=canary(§) autofocus onfocus=canary(§)",
    '"><img planted src=/canary§ onerror=canary(§)>',
    "'><img planted src=/canary§ onerror=canary(§)>",
    "&quot; planted onmouseover=&quot;canary(§)",
    "&#34;&#62;&#60;img planted src=/canary§ onerror=canary(§)&#62;",
    "&lt;img planted src=/canary§ onerror=canary(§)&gt;",
    # SVG and MathML
    "<svg planted onload=canary(§)><script>canary(§)</script></svg>",
    '<svg planted><a xlink:href="javascript:canary(§)"><text y=9>Next</text></a></svg>',
    "<svg planted><animate attributeName=href values=javascript:canary(§) onbegin=canary(§) /></svg>",
    "<math planted><mtext><table><mglyph><style><img src=/canary§ onerror=canary(§)></style></table></math>",
    # Out of an element whose content is text
    "</script><script>canary(§)</script>",
    "</style><img planted src=/canary§ onerror=canary(§)>",
    "</textarea><img planted src=/canary§ onerror=canary(§)>",
    "</title><img planted src=/canary§ onerror=canary(§)>",
    "</option></select></template></noscript><img planted src=/canary§ onerror=canary(§)>",
    "--><img planted src=/canary§ onerror=canary(§)><!--",
    # Out of JSON or a string in a script
    '{"a": "</script><script>canary(§)</script>"}',
    "<!--<script>canary(§)//-->",
    '";canary(§);//',
    "'+canary(§)+'",
    "x\u2028canary(§)\u2029//",
    "\\u003cimg planted src=/canary§ onerror=canary(§)\\u003e\\x3cscript\\x3ecanary(§)\\x3c/script\\x3e",
    # Templates
    "{{ canary(§) }}{{ 7*7 }}{% set planted = § %}{# planted #}",
    "{{constructor.constructor('canary(§)')()}}",
    "${canary(§)}`-canary(§)-`#{canary(§)}<%= canary(§) %>",
    # htmx
    "<div planted hx-get=/canary§ hx-trigger=load></div>",
    '<div planted data-hx-post=/canary§ data-hx-trigger="load"></div>',
    "<div planted hx-on::load=canary(§) hx-on:click=canary(§) hx-vals=js:{a:canary(§)}></div>",
    '" planted hx-get="/canary§" hx-trigger="load',
    # URLs
    "javascript:canary(§)",
    "JaVaScRiPt&#58;canary(§)//",
    "data:text/html,<script>canary(§)</script>",
    "//canary§.test/%3Cimg%20planted%20src=/canary§%3E",
    # Markdown
    '[next](javascript:canary(§)) ![x](/canary§ "planted onerror=canary(§)") <javascript:canary(§)>',
    # Letters that are others, or go the other way
    "＜img planted onerror=canary(§)＞<ſcript planted>canary(§)</ſcript>",
    "+ADw-script+AD4-canary(§)+ADw-/script+AD4-",
    "\u202e<img planted src=/canary§ onerror=canary(§)>\u2066gpj.\u2069\u200f",
)
STRINGS = tuple(text.replace("§", str(number)) for number, text in enumerate(_TEXTS))
ALL = " ".join(STRINGS)
