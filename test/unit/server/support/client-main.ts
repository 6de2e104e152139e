/** A client process for tests: opens a session and a file, says so, and waits to be killed. */
import { Session } from '../../../../client/index.ts';
import { operations } from '../../../../client/protocol/operations.ts';
import { openArguments, unchecked } from './files.ts';

const session = Session.connect(process.argv[2] as string);
const { rootHandle } = session.call(operations.GET_ROOT_HANDLE, {});
session.call(operations.OPEN, openArguments(rootHandle, 'held', { open: unchecked() }));
process.stdout.write('open\n');
setInterval(() => session.call(operations.NULL, {}), 50);
