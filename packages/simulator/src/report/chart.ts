/** What a chart hands to the page. */

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** One or two sentences on what is seen. */
  readonly note: string;
  readonly legend: readonly LegendEntry[];
  /** Side by side where there is room; none where there was nothing to measure. */
  readonly panels: readonly Panel[];
  /** What is said where there are none. */
  readonly empty: string;
  /** The figures behind it. */
  readonly table: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

export interface LegendEntry {
  readonly label: string;
  /** Class that has its colour. */
  readonly tone: string;
  readonly mark: 'area' | 'line' | 'dashes';
}

export interface Panel {
  /** Absent where the chart has but one. */
  readonly title: string | undefined;
  /** SVG elements for a drawing of this size. */
  readonly draw: (width: number, height: number) => string;
}

/** The colour of a policy. */
export function tone(index: number): string {
  return `s${index % 6}`;
}
