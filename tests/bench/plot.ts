// Plots as SVG, without a browser: panels, each with a line for each way that was measured.

import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** One value of one line. */
export interface Spot {
  /** The line it is part of; one of that name in another panel has the same color. */
  line: string;
  x: number;
  y: number;
}

/** One plot. Both axes are logarithmic. */
export interface Panel {
  title: string;
  xTitle: string;
  /** The numbers that the x axis has, each with what is written there. */
  xs: ReadonlyMap<number, string>;
  spots: readonly Spot[];
}

/** The panels two by two, under one title, with one legend for all. */
export async function svgOf(
  title: string,
  panels: readonly Panel[],
): Promise<string> {
  const spec: TopLevelSpec = {
    title: { text: title, anchor: "middle", fontSize: 16, offset: 16 },
    background: "white",
    padding: 16,
    config: { font: "sans-serif", axis: { labelFontSize: 11 } },
    columns: 2,
    concat: panels.map(({ title, xTitle, xs, spots }) => ({
      title,
      width: 380,
      height: 260,
      data: { values: [...spots] },
      mark: { type: "line", point: { filled: true, size: 50 } },
      encoding: {
        x: {
          field: "x",
          type: "quantitative",
          title: xTitle,
          scale: { type: "log" },
          axis: {
            values: [...xs.keys()],
            labelExpr: `${JSON.stringify(Object.fromEntries(xs))}[datum.value]`,
          },
        },
        y: {
          field: "y",
          type: "quantitative",
          title: null,
          // Up to whole powers of ten: what is flat must look flat.
          scale: { type: "log", nice: true },
          axis: { format: ",~g", tickCount: 4 },
        },
        color: {
          field: "line",
          type: "nominal",
          title: null,
          legend: {
            orient: "bottom",
            columns: 3,
            labelLimit: 300,
            labelFontSize: 12,
            symbolSize: 90,
          },
        },
        shape: { field: "line", type: "nominal", title: null },
      },
    })),
    resolve: { scale: { color: "shared", shape: "shared" } },
  };
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
