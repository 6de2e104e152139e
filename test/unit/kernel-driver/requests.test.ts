import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { firstObstacle, isRoot, mountObstacle } from '../../support/machine.ts';
import { succeed } from '../../support/run.ts';
import { removeAll, Served } from './support/served.ts';

const obstacle = firstObstacle(
  mountObstacle(),
  isRoot() ? undefined : 'only root mounts by mount(2)',
);
const probe = fileURLToPath(new URL('support/probe.ts', import.meta.url));

describe.skipIf(obstacle)(`requests of the kernel${obstacle ? `: ${obstacle}` : ''}`, () => {
  let served: Served;

  beforeAll(async () => {
    served = await Served.start({
      kind: 'memory',
      options: 'workers=1,allow_other,default_permissions,dev,suid',
    });
  });

  // Each test begins with an empty directory.
  afterEach(() => served.shell('rm -rf *'));
  afterAll(removeAll);

  async function shell(script: string): Promise<string> {
    const { stdout, stderr } = await served.shell(script);
    return stdout + stderr;
  }

  test('calls that not every file system answers', async () => {
    const found = JSON.parse(await succeed(process.execPath, [probe, served.directory]));
    expect(found).toEqual({
      fallocate: 0,
      seekHole: 10,
      seekData: 3,
      copyFileRange: 10,
      temporary: 0,
      getxattr: 'EOPNOTSUPP',
      setxattr: 'EOPNOTSUPP',
      listxattr: 'EOPNOTSUPP',
      removexattr: 'EOPNOTSUPP',
      ioctl: 0,
      poll: 1,
      flock: 0,
      syncfs: 0,
      fsync: 0,
      fdatasync: 0,
      statx: 0,
      birth: 0x800,
      hugeOffset: 'EFBIG',
    });
  });

  test('names: make, find, rename, exchange, link, remove', async () => {
    expect(
      await shell(`
        mkdir d && echo one > d/a && ln d/a d/b && ln -s a d/l && mkfifo d/p && mknod d/n c 1 3
        stat -c '%n %F %h %s' d/a d/l d/p && stat -c '%t,%T' d/n && readlink d/l && cat d/l
        mv d/a e && cat e && stat -c %h d && rm d/b d/l d/p d/n && rmdir d && ls && cat none`),
    ).toBe(
      [
        'd/a regular file 2 4',
        'd/l symbolic link 1 1',
        'd/p fifo 1 0',
        '1,3',
        'a',
        'one',
        'one',
        '2',
        'e',
        'cat: none: No such file or directory',
        '',
      ].join('\n'),
    );
  });

  test('attributes: mode, owner, size, times to the nanosecond and before 1970', async () => {
    expect(
      await shell(`
        echo 12345 > f && chown 7:8 f && truncate -s 3 f && chmod 4751 f
        touch -a -d '1969-12-31 23:59:58.5 UTC' f
        touch -m -d '2100-01-02 03:04:05.123456789 UTC' f
        TZ=UTC stat -c '%a %u:%g %s %x | %y' f && cat f`),
    ).toBe(
      '4751 7:8 3 1969-12-31 23:59:58.500000000 +0000 | 2100-01-02 03:04:05.123456789 +0000\n123',
    );
  });

  test('files belong to who made them, with the umask applied', async () => {
    const made = 'umask 027 && touch f && mkdir d && ln -s x l && mkfifo p';
    const script = `chmod 777 . && setpriv --reuid 1234 --regid 4321 --clear-groups sh -c '${made}'`;
    expect(await shell(`${script} && stat -c '%n %u:%g %a' *`)).toBe(
      'd 1234:4321 750\nf 1234:4321 640\nl 1234:4321 777\np 1234:4321 640\n',
    );
  });

  test('a file lives on unlinked until it is closed', async () => {
    expect(await shell('echo alive > f; exec 3<f; rm f; ls; cat <&3')).toBe('alive\n');
  });

  test('appending goes to the end, wherever that is by then', async () => {
    expect(await shell('exec 3>>f 4>>f; echo a >&3; echo b >&4; echo c >&3; cat f')).toBe(
      'a\nb\nc\n',
    );
  });

  test('a large directory is read whole, by names and with attributes', async () => {
    expect(
      await shell(`
        mkdir d && seq -f d/file-%g 1 2000 | xargs touch
        ls -f d | sort -u | wc -l && ls -l d | tail -n +2 | wc -l && ls -f d | head -2`),
    ).toBe('2002\n2000\n.\n..\n');
  });

  test('large and ragged transfers come out as they went in', async () => {
    expect(
      await shell(`
        head -c 5000001 /dev/urandom > $$.src && cp $$.src copy && cmp $$.src copy
        dd if=$$.src of=direct bs=1M oflag=direct iflag=fullblock count=4 2>/dev/null
        cmp -n 4194304 $$.src direct && dd if=direct bs=2M iflag=direct 2>/dev/null | cmp -n 4194304 - $$.src
        dd if=$$.src of=odd bs=777 2>/dev/null && cmp $$.src odd && echo same`),
    ).toBe('same\n');
  });

  test('shared mappings are written back', async () => {
    const script = `
      import { call, C, mapMemory, pathBytes } from '${new URL('../../support/libc.ts', import.meta.url).href}';
      const fd = call('open', pathBytes('mapped'), 2, 0);
      const { address, bytes } = mapMemory(fd, 10, C.PROT_READ | C.PROT_WRITE, C.MAP_SHARED);
      bytes.set(Buffer.from('mapped'));
      call('msync', address, 10, C.MS_SYNC);`;
    await shell('printf 0123456789 > mapped');
    await succeed(process.execPath, ['--input-type=module', '-e', script], {
      cwd: served.directory,
    });
    expect(await shell('cat mapped')).toBe('mapped6789');
  });

  test('programs run from the mount, scripts too', async () => {
    expect(
      await shell(
        "cp /bin/echo e && ./e run && printf '#!/bin/sh\\necho script' > s && chmod +x s && ./s",
      ),
    ).toBe('run\nscript\n');
  });

  test('Ctrl-C frees a process that waits for a lock', async () => {
    expect(
      await shell(`
        touch lock && exec 3<lock && flock 3
        timeout -s INT 0.5 flock lock echo got-it; echo "ended with $?"`),
    ).toBe('ended with 124\n');
  });
});

describe.skipIf(obstacle)('what the kernel is told', () => {
  afterEach(removeAll);

  test('data that changed is read again once it is invalidated, and not before', async () => {
    const served = await Served.start({
      kind: 'ceiling',
      options: 'attr_timeout=1000,entry_timeout=1000',
    });
    const read = async () => (await served.shell('head -c 3 file')).stdout;
    expect(await read()).toBe('aaa');
    await served.command('scribble b');
    expect(await read()).toBe('aaa');
    expect(await served.command('invalidateData 2')).toBe('true');
    expect(await read()).toBe('bbb');
    expect(await served.command('invalidateEntry file')).toBe('true');
    expect(await served.command('invalidateEntry unknown')).toBe('false');
    expect(await served.command('invalidateData 99')).toBe('false');
  });
});
