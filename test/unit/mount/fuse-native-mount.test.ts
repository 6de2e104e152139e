/** What is peculiar to the fuse-native driver, on a real mount. The rest is the conformance suite's. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRoot } from '../../support/machine.ts';
import { type MountProcess, Workspace } from '../../support/workspace.ts';

describe('a fuse-native mount', { timeout: 60_000 }, () => {
  let workspace: Workspace;
  let mount: MountProcess;

  beforeAll(async () => {
    workspace = Workspace.create();
    const source = workspace.path('files.sqlite');
    mount = await workspace.startMount({ source, driver: 'fuse-native', options: ['dev'] });
  }, 60_000);

  afterAll(() => workspace.dispose());

  /** Runs a script in a folder of its own of the mount, and gives what it printed. */
  const inMount = (script: string) =>
    workspace.succeed('bash', ['-c', `set -e; cd "$(mktemp -d XXXXXX -p .)"; ${script}`], {
      cwd: mount.directory,
      limitMs: 50_000,
    });

  it('keeps names of any bytes through every call that has names', async () => {
    const output = await inMount(`
      name=$'\\xff\\xfe \\xc3('
      mkdir "$name"; cd "$name"
      echo text > "$name"
      mv "$name" "2$name"; ln "2$name" "3$name"; ln -s "3$name" "4$name"
      cat "4$name"; readlink "4$name" | xxd -p
      ls | xxd -p -c 100
      rm ./*; cd ..; rmdir "$name"; ls | wc -l`);
    expect(output.split('\n')).toEqual([
      'text',
      '33fffe20c3280a',
      '32fffe20c3280a33fffe20c3280a34fffe20c3280a',
      '0',
      '',
    ]);
  });

  it('keeps access and modification times apart, to the millisecond, also before 1970', async () => {
    const output = await inMount(
      `
      touch file
      python3 -c '
      import os
      os.utime("file", ns=(1_500_000_000_123_999_999, 1_600_000_000_456_000_001))
      print(os.stat("file").st_atime_ns, os.stat("file").st_mtime_ns)
      os.utime("file", ns=(-1_500_000_000, -2_001_000_000))
      print(os.stat("file").st_atime_ns, os.stat("file").st_mtime_ns)'`.replaceAll('      ', ''),
    );
    expect(output.split('\n')).toEqual([
      '1500000000123000000 1600000000456000000',
      '-1500000000 -2001000000',
      '',
    ]);
  });

  it('shows through one name at once what was written through the other', async () => {
    const output = await inMount(`
      echo short > one; ln one two
      cat two; echo a longer text > one; cat two; stat -c '%h %s' two
      rm one; stat -c %h two`);
    expect(output).toBe('short\na longer text\n2 14\n1\n');
  });

  it('appends at the end, in whatever way the file was opened', async () => {
    const output = await inMount(`
      exec 3>>log 4>>log
      for i in 1 2 3; do echo three $i >&3; echo four $i >&4; done
      cat log`);
    expect(output).toBe('three 1\nfour 1\nthree 2\nfour 2\nthree 3\nfour 3\n');
  });

  it('has the numbers of the server as inode numbers, in listings too', async () => {
    const output = await inMount(`
      touch a b; mkdir c
      ls -i | sed 's/^ *//' > listed
      stat -c '%i %n' a b c > told
      grep -v ' listed' listed | diff - told && echo same`);
    expect(output).toBe('same\n');
  });

  it.skipIf(!isRoot())('makes device files with large numbers', async () => {
    const output = await inMount(`
      mknod node b 4095 1048575; stat -c '%t %T' node
      mknod zero c 1 5; head -c 3 zero | xxd -p`);
    expect(output).toBe('fff fffff\n000000\n');
  });

  it('reads and writes far beyond 4 GiB without using the space', async () => {
    const output = await inMount(`
      printf end | dd of=large bs=1 seek=1000000000000 status=none
      stat -c %s large; tail -c 3 large; echo
      test $(stat -c %b large) -lt 1000 && echo sparse`);
    expect(output).toBe('1000000000003\nend\nsparse\n');
  });

  it('lists large directories completely, and again after rewinding', async () => {
    const output = await inMount(
      `
      seq -f file%05g 1500 | xargs touch
      ls | wc -l
      python3 -c '
      import os
      with os.scandir(".") as entries: print(sum(1 for _ in entries))'`.replaceAll('      ', ''),
    );
    expect(output).toBe('1500\n1500\n');
  });

  it('keeps what is open although it was removed', async () => {
    const output = await inMount(`
      echo text > file; exec 3<>file; rm file
      test ! -e file; cat <&3; echo more >&3; exec 3>&-
      sleep 0.2; ls -A | wc -l`);
    expect(output).toBe('text\n0\n');
  });
});
