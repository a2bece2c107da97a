import { themeStyle } from "../base/chart_theme.ts";

/** The style sheet of a report: for light, dark and printed pages, and for phones. */
export const style: string = `
${themeStyle}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 44px 0 12px; letter-spacing: -0.005em; }
h3 { font-size: 0.95rem; font-weight: 600; margin: 0 0 8px; }
h1, h2, h3, td, th, p, dd { overflow-wrap: anywhere; }
p { margin: 0 0 10px; max-width: 75ch; }
.lead, .note { color: var(--muted); }
.note { font-size: 0.85rem; margin: 8px 0 0; }
section.run { border-top: 2px solid var(--line); margin-top: 56px; padding-top: 28px; }
.tiles { display: grid; gap: 12px; margin: 24px 0 0;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 14px 16px; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.25; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.tile span { color: var(--muted); font-size: 0.82rem; }
.tile.light b { color: var(--light); } .tile.booster b { color: var(--booster); }
.grid { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); }
.card { padding: 16px; min-width: 0; margin: 0; }
.card svg { display: block; max-width: 100%; height: auto; }
.wide { overflow-x: auto; padding: 4px 16px; }
table { border-collapse: collapse; width: 100%; font-size: 0.87rem;
  font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--muted); font-size: 0.8rem; }
th, td { padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child td, tbody tr:last-child th { border-bottom: 0; }
tbody th { color: var(--ink); font-size: inherit; font-weight: 500; }
.number { text-align: right; white-space: nowrap; }
.wide td { min-width: 4.5rem; } .wide td.number { min-width: 0; }
.wide tbody th { min-width: 7rem; } .wide tbody th.number { min-width: 3rem; }
td img { display: block; width: 56px; height: auto; min-height: 28px; border-radius: 4px;
  image-rendering: pixelated; border: 1px solid var(--line); }
.good { color: var(--good); } .bad { color: var(--bad); }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: 6px 20px;
  margin: 0; font-size: 0.9rem; }
dt { color: var(--muted); } dd { margin: 0; }
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--muted); font-size: 0.9rem; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; padding: 14px 16px; font: 12.5px/1.5 ui-monospace, monospace; }
.missing { border: 1px dashed var(--line); border-radius: 12px; padding: 14px 16px;
  color: var(--muted); max-width: none; }
footer { margin-top: 56px; color: var(--muted); font-size: 0.82rem; }
@media (max-width: 520px) {
  main { padding: 20px 12px 40px; }
  h1 { font-size: 1.5rem; }
  .grid { grid-template-columns: minmax(0, 1fr); }
  .tiles { grid-template-columns: 1fr 1fr; }
  .card { padding: 12px; } .wide { padding: 2px 12px; }
  dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: 10px; }
}
@media print {
  :root {
    --page: #fff; --card: #fff; --ink: #000; --muted: #444; --line: #ccc; --strong: #fff;
    --light: #1f6fd1; --booster: #c4512a; --alone: #777; --good: #166; --bad: #922;
    color-scheme: light;
  }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  .grid { grid-template-columns: 1fr 1fr; }
  .card, .tile, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .wide { overflow: visible; }
}
`;
