/** A hostile process: `attack-main.ts ATTACK SOCKET` does what attacks.ts has under that name. */
import { attacks } from './attacks.ts';

const [name = '', path = ''] = process.argv.slice(2);
process.once('disconnect', () => process.exit());
await attacks[name]?.(path, () => process.send?.('begun'));
