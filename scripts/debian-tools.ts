/** The programs that tests run beside ours, and how to get them on Debian and Ubuntu. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

/** Program → Debian package. */
const TOOLS: Readonly<Record<string, string>> = {
  nfcapd: 'nfdump',
  nfdump: 'nfdump',
  softflowd: 'softflowd',
  pmacctd: 'pmacct',
  tshark: 'tshark',
  tcpdump: 'tcpdump',
  ip: 'iproute2',
  curl: 'curl',
  setpriv: 'util-linux',
  ping: 'iputils-ping',
  iperf3: 'iperf3',
  chromium: 'chromium',
  gcc: 'gcc',
  'wireguard-go': 'wireguard-go',
  wg: 'wireguard-tools',
  nft: 'nftables',
  iptables: 'iptables',
  'systemd-nspawn': 'systemd-container',
  openssl: 'openssl',
  rrdtool: 'rrdtool',
};

const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin'];

/** Tools that this machine does not have. */
export function missingTools(): string[] {
  return Object.keys(TOOLS).filter((tool) => !FOLDERS.some((folder) => existsSync(`${folder}/${tool}`)));
}

/** Installs what is missing when this is root on a machine with apt-get; returns what is missing still. */
export function installMissingTools(): string[] {
  const missing = missingTools();
  const canInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (missing.length === 0 || !canInstall) return missing;
  const packages = [...new Set(missing.map((tool) => TOOLS[tool] ?? tool))];
  console.error(`Installing for the tests: ${packages.join(' ')}`);
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update', '-q'], options);
  spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options);
  return missingTools();
}
