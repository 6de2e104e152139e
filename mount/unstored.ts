/** What is told of data that a killed server left. */

/** Where they lie, whose they are, and how they get into the database. */
export function describeUnstored({ path, files }: { path: string; files: number }): string {
  return `not stored yet of ${files} files: a killed server left it in ${path}, and the next one stores it when it starts`;
}
