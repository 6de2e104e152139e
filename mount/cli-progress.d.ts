/** As much of the library's interface as is used here. */
declare module 'cli-progress' {
  export interface Options {
    readonly format: string;
    readonly stream: NodeJS.WritableStream;
    readonly hideCursor: boolean;
    readonly clearOnComplete: boolean;
  }

  /** One bar; between `start` and `stop` it owns the terminal's line. */
  export class SingleBar {
    constructor(options: Options);
    /** @param payload values of the format's other {places} */
    start(total: number, value: number, payload: Readonly<Record<string, string>>): void;
    update(value: number, payload: Readonly<Record<string, string>>): void;
    stop(): void;
  }
}
