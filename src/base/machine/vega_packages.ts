/**
 * The npm specifiers of the packages that draw charts. They are loaded only when a chart is drawn.
 */
export const vegaPackages = ["npm:vega@6.2.0", "npm:vega-lite@6.4.1"] as const;
