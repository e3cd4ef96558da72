/**
 * Charts as SVG text, by ECharts without a browser. ECharts is 60 MB on disk and slow to load, so it is imported only
 * when a chart is drawn. Text and axes are drawn in the colours of the page around (dark or light) unless `ink` is given.
 */

import type { Band, Point } from "./series.js";

export const PALETTE = ["#3b82c4", "#e07b39", "#3f9e6b", "#b45cb5", "#c9a227", "#d1495b", "#5c8a97"] as const;

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
  readonly color?: string;
  readonly dashed?: boolean;
  /** Draw a dot at every point (few points). */
  readonly dots?: boolean;
  /** Belongs to the second axis, on the right. */
  readonly right?: boolean;
  /** Lines with the same stack are added up and filled. */
  readonly stack?: string;
}

export interface ChartSpec {
  readonly lines: readonly Line[];
  /** Shaded intervals: the i-th has the i-th line's colour. */
  readonly bands?: readonly (Pick<Band, "lo" | "hi"> & { readonly color: string })[];
  readonly xName: string;
  readonly yName?: string;
  readonly rightName?: string;
  readonly yMin?: number;
  readonly yMax?: number;
  readonly percent?: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly title?: string;
  /** A fixed colour of text and axes, with a white ground: for a picture outside a page. */
  readonly ink?: string;
}

const WIDTH = 480;
/** Pixels of a line of the legend, and of a character and the symbol in it, by rule of thumb. */
const LEGEND_LINE = 14;
const LEGEND_CHARACTER = 7;
const LEGEND_SYMBOL = 22;

const legendGap = (spec: ChartSpec): number =>
  10 + Math.ceil(1.4 * Math.max(0, ...spec.lines.map((l) => l.name.length)));

/** How many rows the legend takes below the chart; at least one. */
export function legendRows(spec: ChartSpec, width: number): number {
  let [rows, x] = [1, 0];
  for (const { name } of spec.lines) {
    const item = LEGEND_SYMBOL + LEGEND_CHARACTER * name.length;
    if (x > 0 && x + item > width) [rows, x] = [rows + 1, 0];
    x += item + legendGap(spec);
  }
  return rows;
}

/** The gap between entries is that between rows too. */
const legendHeight = (spec: ChartSpec, width: number): number =>
  LEGEND_LINE + (LEGEND_LINE + legendGap(spec)) * (legendRows(spec, width) - 1);

/** Stands for the page's own colour until the SVG is made. */
const PAGE_INK = "#010203";

/** Draws the charts in order; every element id is different, so that all can stand in one page. */
export async function drawCharts(specs: readonly ChartSpec[]): Promise<string[]> {
  const echarts = await import("echarts");
  return specs.map((spec) => {
    const width = spec.width ?? WIDTH;
    const height = (spec.height ?? 260) + legendHeight(spec, width) - LEGEND_LINE;
    const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
    try {
      chart.setOption(optionOf(spec) as Parameters<typeof chart.setOption>[0]);
      const svg = chart.renderToSVGString();
      return spec.ink === undefined ? adapt(svg) : svg;
    } finally {
      chart.dispose();
    }
  });
}

/** Lets the page scale the picture and colour its text. */
const adapt = (svg: string): string =>
  svg
    .replaceAll(/#010203|rgb\(1,2,3\)/gi, "currentColor")
    .replace(/^<svg width="(\d+)" height="(\d+)"/, '<svg role="img" width="100%"');

function optionOf(spec: ChartSpec): object {
  const ink = spec.ink ?? PAGE_INK;
  const label = { color: ink, fontSize: 12, opacity: 0.8 };
  const name = { color: ink, fontSize: 12, opacity: 0.8 };
  const grid = { show: true, lineStyle: { color: ink, opacity: 0.12 } };
  const axis = (title: string | undefined, more: object) => ({
    type: "value",
    name: title,
    nameTextStyle: name,
    axisLabel: { ...label, formatter: axisNumber, hideOverlap: true, alignMaxLabel: "right" },
    axisLine: { lineStyle: { color: ink, opacity: 0.4 } },
    axisTick: { show: false },
    splitNumber: 4,
    ...more,
  });
  const yLabel = { axisLabel: { ...label, formatter: spec.percent ? percentLabel : axisNumber } };
  const xs = spec.lines.flatMap((l) => l.points.map((p) => p[0]));
  const hasRight = spec.lines.some((l) => l.right);
  return {
    animation: false,
    ...(spec.ink === undefined ? {} : { backgroundColor: "#ffffff" }),
    textStyle: { fontFamily: "system-ui, 'DejaVu Sans', sans-serif", color: ink },
    ...(spec.title === undefined
      ? {}
      : { title: { text: spec.title, left: "center", top: 6, textStyle: { color: ink, fontSize: 16 } } }),
    legend: {
      show: spec.lines.length > 1,
      data: spec.lines.map((l) => l.name),
      bottom: 0,
      itemWidth: 16,
      itemHeight: 8,
      // Without a browser text is measured by rule of thumb, and wide fonts would run into the next entry.
      itemGap: legendGap(spec),
      textStyle: { color: ink, fontSize: 12 },
    },
    grid: {
      left: spec.ink === undefined ? 8 : 24,
      right: hasRight ? 8 : spec.ink === undefined ? 18 : 36,
      top: (spec.title === undefined ? 28 : 56) - (spec.yName === undefined ? 14 : 0),
      bottom: spec.lines.length > 1 ? 32 + legendHeight(spec, spec.width ?? WIDTH) : 24,
      containLabel: true,
    },
    xAxis: axis(spec.xName, {
      nameLocation: "middle",
      nameGap: 24,
      min: xs.length === 0 ? 0 : Math.min(...xs),
      max: xs.length === 0 ? 1 : Math.max(...xs),
      splitLine: { show: false },
    }),
    yAxis: [
      axis(spec.yName, {
        nameTextStyle: { ...name, align: "left" },
        splitLine: grid,
        min: spec.yMin,
        max: spec.yMax,
        scale: spec.yMin === undefined,
        ...yLabel,
      }),
      axis(spec.rightName, {
        show: hasRight,
        splitLine: { show: false },
        nameTextStyle: { ...name, align: "right" },
      }),
    ],
    series: [...(spec.bands ?? []).flatMap(bandSeries), ...spec.lines.map(lineSeries)],
  };
}

/** An invisible line at the lower end and a filled one on top of it as wide as the interval. */
function bandSeries(band: NonNullable<ChartSpec["bands"]>[number], i: number): object[] {
  const common = { type: "line", stack: `band-${i}`, symbol: "none", silent: true, stackStrategy: "all" };
  return [
    { ...common, data: band.lo, lineStyle: { opacity: 0 } },
    {
      ...common,
      data: band.hi.map(([x, y], k) => [x, y - band.lo[k]![1]]),
      lineStyle: { opacity: 0 },
      areaStyle: { color: band.color, opacity: 0.18 },
    },
  ];
}

function lineSeries(line: Line, i: number): object {
  const color = line.color ?? PALETTE[i % PALETTE.length]!;
  return {
    type: "line",
    name: line.name,
    data: line.points,
    silent: true,
    yAxisIndex: line.right ? 1 : 0,
    symbol: line.dots || line.points.length === 1 ? "circle" : "none",
    symbolSize: 6,
    itemStyle: { color },
    lineStyle: { color, width: line.stack === undefined ? 2 : 1, type: line.dashed ? "dashed" : "solid" },
    ...(line.stack === undefined ? {} : { stack: line.stack, areaStyle: { color, opacity: 0.45 } }),
  };
}

const percentLabel = (y: number): string => `${Number((100 * y).toPrecision(3))}%`;

/** 1500000 -> 1.5M, 0.0001 -> 1e-4. */
function axisNumber(x: number): string {
  const a = Math.abs(x);
  if (a >= 1e9) return `${Number((x / 1e9).toPrecision(3))}G`;
  if (a >= 1e6) return `${Number((x / 1e6).toPrecision(3))}M`;
  if (a >= 1e4) return `${Number((x / 1e3).toPrecision(3))}k`;
  if (a > 0 && a < 1e-3) return x.toExponential(0);
  return String(Number(x.toPrecision(4)));
}
