/** A server process for tests: options as JSON in the first argument, one line when it is ready. */
import { type ServeOptions, serve } from '../../../../server/serve.ts';

const server = await serve(JSON.parse(process.argv[2] ?? '{}') as ServeOptions);
process.once('SIGTERM', () => void server.close());
process.stdout.write(`${JSON.stringify({ fabric: server.fabric, control: server.control })}\n`);
await server.ended;
