/** `weir collect --check`: what a collector would stumble over later. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { runWeir } from './weir-process.ts';

const folder = temporaryFolder();

function file(name: string, text: string): string {
  const place = path.join(folder, name);
  writeFileSync(place, text);
  return place;
}

function check(config: object) {
  const { status, stdout, stderr } = runWeir([
    ...['collect', '--check', '--config', file('collector.json', JSON.stringify(config))],
  ]);
  return { status, said: stdout + stderr };
}

const networksFile = file('networks.csv', 'prefix,network,site\n10.0.0.0/8,campus,\n10.1.0.0/40,lab,\n');
const usersFile = file('users.csv', 'prefix,user\n10.0.0.1,ada\n');
const damaged = file('damaged.mmdb', 'no database');
const missing = path.join(folder, 'missing');
const tls = { name: 'branches', transport: 'tls', type: 'IPFIX', monitoringPort: 4740 };

test.each([
  [
    'a line of the networks',
    { enrichment: { networksFile } },
    `${networksFile}:3: prefix: found "10.1.0.0/40"`,
  ],
  ['users that are not there', { enrichment: { usersFile: missing } }, `${missing}: cannot be read`],
  ['countries', { enrichment: { countryFile: damaged } }, `${damaged}: not a MaxMind database`],
  ['systems', { enrichment: { asnFile: missing } }, `${missing}: cannot be read`],
  [
    'a certificate',
    { sources: [{ ...tls, tls: { certificate: missing, key: missing } }] },
    `flow source "branches": tls.certificate: ${missing} cannot be read`,
  ],
  [
    'a certificate that is none',
    { sources: [{ ...tls, tls: { certificate: usersFile, key: usersFile } }] },
    `flow source "branches": ${usersFile}: `,
  ],
  [
    'a source file path',
    { sources: [{ name: 'drops', sourceFilePath: missing }] },
    `flow source "drops": ${missing}: cannot be read`,
  ],
])('%s', (_what, config, complaint) => {
  const { status, said } = check(config);
  expect(said).toContain(complaint);
  expect(status).toBe(2);
});

test('files that can be used, and those of a source that is disabled', () => {
  const sources = [{ ...tls, enabled: false, tls: { certificate: missing, key: missing } }];
  expect(check({ enrichment: { usersFile }, sources })).toMatchObject({
    status: 0,
    said: expect.stringContaining('valid, 1 flow sources'),
  });
});
