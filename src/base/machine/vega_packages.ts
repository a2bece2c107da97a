/** The packages that draw pictures. They are loaded only for a picture. */
export const vegaPackages = ["npm:vega@6.2.0", "npm:vega-lite@6.4.1"] as const;
