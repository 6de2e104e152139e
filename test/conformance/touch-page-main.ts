/** `node touch-page-main.ts FILE OFFSET`: reads the byte there through a mapping of the file. */
import { C, call, mapMemory, pathBytes } from '../support/libc.ts';

const [path, offset] = [process.argv[2] as string, Number(process.argv[3])];
const fd = call('open', pathBytes(path), 0, 0);
const { bytes } = mapMemory(fd, offset + 1, C.PROT_READ, C.MAP_SHARED);
process.stdout.write(`${bytes[offset]}\n`);
