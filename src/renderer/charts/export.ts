import { fileTitle, proposeSegment } from '@shared/path-segment';
import { formatXTicks } from './axis';
import type { ChartDefinition } from './definitions';
import { niceTicks, strokesOf, yRange, type ChartLine, type Sample, type View } from './sample';

export type ExportKind = 'png' | 'svg' | 'csv';

export interface ExportedChart {
  definition: ChartDefinition;
  lines: readonly ChartLine[];
  view: View;
}

/** Hands bytes or text to the browser's (or Electron's) own download. */
export function download(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = proposeSegment(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Every stored point of the lines (nothing smoothed, nothing left out), one row per point. */
export function chartCsv({ lines }: Pick<ExportedChart, 'lines'>): string {
  const rows = ['line,step,seconds,value'];
  for (const { label, series } of lines) {
    const name = /[",\n]/.test(label) ? `"${label.replaceAll('"', '""')}"` : label;
    for (let i = 0; i < series.length; i++) {
      rows.push(`${name},${series.steps[i]},${series.seconds[i]},${series.values[i]}`);
    }
  }
  return `${rows.join('\n')}\n`;
}

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

/** The chart as it stands on the screen (`data`), as vectors. `colour` resolves a custom property. */
export function chartSvg(chart: ExportedChart, data: Sample | null, colour: (name: string) => string): string {
  const { definition, lines, view } = chart;
  const width = 760;
  const height = 380;
  const left = 64;
  const top = 44 + Math.ceil(lines.length / 4) * 18;
  const bottom = height - 34;
  const right = width - 20;
  const parts: string[] = [];
  const text = (x: number, y: number, value: string, extra = ''): string =>
    `<text x="${x}" y="${y}" fill="${colour('--ink2')}" ${extra}>${escape(value)}</text>`;
  if (data) {
    const [low, high] = yRange(data.y, view.log, definition.span, definition.limits);
    const toX = (x: number): number => left + ((x - data.from) / (data.to - data.from)) * (right - left);
    const share = (y: number): number =>
      view.log ? Math.log(y / low) / Math.log(high / low) : (y - low) / (high - low);
    const toY = (y: number): number => bottom - share(y) * (bottom - top);
    // A log axis is labelled at the powers of ten, which is where yRange puts its ends.
    const powers = (): number[] =>
      Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, k) => low * 10 ** k);
    for (const value of view.log ? powers() : niceTicks(low, high, 5)) {
      const y = toY(value).toFixed(1);
      parts.push(`<path d="M${left} ${y}H${right}" stroke="${colour('--line')}"/>`);
      parts.push(text(left - 8, Number(y) + 4, definition.tick(value), 'text-anchor="end"'));
    }
    const ticks = niceTicks(data.from, data.to, 7);
    const labels = formatXTicks(ticks, view.mode);
    for (const [i, x] of ticks.entries()) {
      parts.push(text(toX(x), bottom + 20, labels[i], 'text-anchor="middle"'));
    }
    strokesOf(lines, view.smoothing).forEach(({ line, kind }, i) => {
      let path = '';
      data.strokes[i].forEach((y, k) => {
        if (y !== null) path += `${path ? 'L' : 'M'}${toX(data.x[k]).toFixed(1)} ${toY(y).toFixed(1)}`;
      });
      const style = kind === 'raw' ? 'stroke-opacity="0.22" stroke-width="1"' : 'stroke-width="1.8"';
      const dash = line.dashed ? ' stroke-dasharray="5 4"' : '';
      for (const k of data.dots[i]) {
        const y = data.strokes[i][k] as number;
        const at = `cx="${toX(data.x[k]).toFixed(1)}" cy="${toY(y).toFixed(1)}"`;
        parts.push(`<circle ${at} r="2.5" fill="${colour(line.colour)}"/>`);
      }
      if (path) parts.push(`<path d="${path}" fill="none" stroke="${colour(line.colour)}" ${style}${dash}/>`);
    });
  }
  lines.forEach((line, i) => {
    const x = left + (i % 4) * 172;
    const y = 46 + Math.floor(i / 4) * 18;
    parts.push(`<rect x="${x}" y="${y - 8}" width="12" height="3" fill="${colour(line.colour)}"/>`);
    parts.push(text(x + 18, y - 2, line.label.length > 24 ? `${line.label.slice(0, 23)}…` : line.label));
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Inter, system-ui, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="${colour('--panel')}"/>`,
    `<text x="${left}" y="24" font-size="15" font-weight="600" fill="${colour('--ink')}">${escape(definition.title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** The same picture in pixels, at twice its size. */
export async function chartPng(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth * 2;
  canvas.height = image.naturalHeight * 2;
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('this window cannot draw pictures');
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture could not be made'))), 'image/png'),
  );
}

/** Makes and downloads one of the three. File names are safe on every system. */
export async function exportChart(
  kind: ExportKind,
  chart: ExportedChart,
  data: Sample | null,
  name: string,
): Promise<void> {
  const css = getComputedStyle(document.documentElement);
  const svg = (): string => chartSvg(chart, data, (property) => css.getPropertyValue(property).trim());
  const file = fileTitle(`${name} ${chart.definition.title}`);
  if (kind === 'csv') download(`${file}.csv`, chartCsv(chart), 'text/csv');
  else if (kind === 'svg') download(`${file}.svg`, svg(), 'image/svg+xml');
  else download(`${file}.png`, await chartPng(svg()), 'image/png');
}
