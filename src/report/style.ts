/** The page's style sheet. Colours are variables with a dark set; charts take theirs from `currentColor`. */

export const STYLE = `
:root{--bg:#f7f7f5;--card:#fff;--ink:#1d2327;--soft:#5c666e;--line:#dfe2e4;--up:#1c7c4c;--down:#b3372f;--accent:#3b82c4;--code:#f1f2f0}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e4e7e9;--soft:#9aa4ab;--line:#30363b;--up:#5cc492;--down:#ef8178;--accent:#5b9fdc;--code:#14171a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:20px;margin:40px 0 10px}
h3{font-size:15px;margin:0 0 8px}
section>h3{margin-top:24px}
h4{font-size:13px;margin:14px 0 4px}
small,.sub,figcaption{color:var(--soft)}
.sub{margin:4px 0 20px}
.note{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px;display:flex;flex-direction:column}
.tile span,.tile small{font-size:12px;color:var(--soft)}
.tile b{font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
.tile em{font-style:normal;font-size:13px;font-weight:600;color:var(--up)}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:14px}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 14px 12px;min-width:0}
figure svg{display:block;height:auto;max-width:100%}
figcaption{font-size:12.5px;margin-top:6px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;min-width:50%}
td,th{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:500;font-size:12.5px}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr.total td{font-weight:600}
.up{color:var(--up)}.down{color:var(--down)}
details{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:8px 0;padding:0 14px}
details[open]{padding-bottom:14px}
summary{cursor:pointer;padding:10px 0}
.problem summary{display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;justify-content:space-between;list-style:none}
.problem summary::-webkit-details-marker{display:none}
.id{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:13px;overflow-wrap:anywhere}
.id::before{content:"▸ ";color:var(--soft)}
details[open] .id::before{content:"▾ "}
.bar{display:flex;align-items:center;gap:8px;font-size:13px;font-variant-numeric:tabular-nums}
.meter{display:inline-block;width:72px;height:8px;border-radius:4px;background:var(--line);overflow:hidden}
.meter i{display:block;height:100%;background:var(--accent)}
.arrow{color:var(--soft)}
pre,code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:12.5px}
pre{background:var(--code);border:1px solid var(--line);border-radius:8px;padding:10px 12px;margin:0 0 6px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;max-height:420px;overflow-y:auto}
pre.log{border-left:3px solid var(--down)}
@media (max-width:520px){main{padding:18px 12px 40px}h1{font-size:21px}.tiles{grid-template-columns:1fr 1fr}.tile b{font-size:20px}figure{padding:10px}}
@media print{body{background:#fff}figure,.tile,details{break-inside:avoid}}
`;
