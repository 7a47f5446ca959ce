/** Homes on disks of other machines, by lines as Linux writes them. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { networkDisk } from '../../src/studio/network-disk';
import { freshFolder } from './home';

const MOUNTS = [
  '/dev/nvme0n1p2 / ext4 rw,relatime,errors=remount-ro 0 0',
  'proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0',
  'server:/export/home /home nfs4 rw,relatime,vers=4.2,rsize=1048576,hard,proto=tcp,addr=10.0.0.1 0 0',
  '/dev/sdb1 /home/local ext4 rw,relatime 0 0',
  '//nas/share /mnt/nas cifs rw,relatime,vers=3.1.1,cache=strict,username=me 0 0',
  'me@host: /mnt/my\\040server fuse.sshfs rw,nosuid,nodev,relatime,user_id=1000 0 0',
  '/dev/sdc1 /mnt/stick fuseblk rw,relatime,user_id=0,blksize=4096 0 0',
  'drive /mnt/snap fuse.squashfuse ro,nosuid,nodev,relatime 0 0',
  'systemd-1 /data autofs rw,relatime,fd=29 0 0',
  'old:/data /data nfs rw,relatime,vers=3,addr=10.0.0.2 0 0',
  '10.0.0.3@tcp:/scratch /scratch lustre rw,flock 0 0',
].join('\n');

describe('a network disk', () => {
  it.each([
    ['/home/me/.local/share/trm-studio', 'nfs4'],
    ['/home', 'nfs4'],
    ['/mnt/nas/deep/down', 'cifs'],
    ['/mnt/my server/x', 'fuse.sshfs'],
    ['/data/x', 'nfs'],
    ['/scratch/me', 'lustre'],
  ])('%s is on %s', (path, type) => expect(networkDisk(path, MOUNTS)).toBe(type));

  it.each(['/var/lib/x', '/home/local/me', '/homework', '/mnt/stick/x', '/mnt/snap', '/mnt/nas2'])(
    '%s is not',
    (path) => expect(networkDisk(path, MOUNTS)).toBeNull(),
  );

  it('is found behind a link, also where the last folders are not made yet', () => {
    const folder = freshFolder();
    mkdirSync(join(folder, 'far'));
    symlinkSync(join(folder, 'far'), join(folder, 'near'));
    const mounts = `/dev/sda1 / ext4 rw 0 0\nserver:/x ${join(folder, 'far')} nfs4 rw 0 0`;
    expect(networkDisk(join(folder, 'near', 'new', 'home'), mounts)).toBe('nfs4');
  });

  it.each([
    ['the root of a container', 'none / 9p rw,trans=fd,rfdno=4,wfdno=4 0 0'],
    ['a Windows disk in WSL', 'C:\\134 /mnt/c 9p rw,noatime,aname=drvfs;path=C:\\;uid=1000,trans=fd 0 0'],
  ])('is not 9p: %s', (_what, mounts) => expect(networkDisk('/mnt/c/me', mounts)).toBeNull());

  it('cannot be told where there is no list of mounts', () => expect(networkDisk('/home/me', null)).toBeNull());
});
