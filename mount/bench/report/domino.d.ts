/** As much of the library's interface as is used here; what it declares itself is no module. */
declare module '@mixmark-io/domino' {
  /** A document without a browser. */
  export function createDocument(html: string): unknown;
}
