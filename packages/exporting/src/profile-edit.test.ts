import { expect, test } from 'vitest';
import { parseProfile } from './profile.ts';
import { editProfile, filesNamed, profileRevision } from './profile-edit.ts';

const UNIVERSE = `{
  "Name": "Universe",
  "FlowMetadata": {
    "IpFixCollectors": ["Udp/192.0.2.1:4739"],
    "Direction": "Both"
  },
  "Other": { "kept": [1, 2,   3] }
}
`;

const edit = (text: string, set: Record<string, unknown>, unset: string[] = []) =>
  editProfile(text, { set, unset }, 'a.profile');

test('properties are set, added and taken away; the rest of the file stays as it is written', () => {
  const edited = edit(UNIVERSE, { Direction: 'SendingToPeer', Interval: 60_000 });
  expect(parseProfile(edited, 'a.profile')).toMatchObject({ direction: 'SendingToPeer', intervalMs: 60_000 });
  expect(edited).toContain('"Other": { "kept": [1, 2,   3] }');
  expect(edited).toContain('"Name": "Universe"');
  const back = edit(edited, { Direction: 'Both' }, ['Interval']);
  expect(JSON.parse(back)).toEqual(JSON.parse(UNIVERSE));
});

test('a file without FlowMetadata gets it, and a byte order mark stays', () => {
  const edited = edit('\uFEFF{"Name":"x"}', { Enabled: false });
  expect(edited.startsWith('\uFEFF{')).toBe(true);
  expect(parseProfile(edited, 'a.profile')).toMatchObject({ enabled: false });
});

test.each([
  ['a value that is not allowed', { Direction: 'Sideways' }, /Direction/],
  ['an unknown property', { Colour: 'red' }, /no property "Colour"/],
  ['a name that objects have', { constructor: 1 }, /no property "constructor"/],
  ['values that exclude each other', { Interval: 60_000, ActiveTimeout: 5_000 }, /exclude each other/],
])('%s is refused', (_, set, message) => {
  expect(() => edit(UNIVERSE, set)).toThrow(message);
});

test('the revision tells values apart, not how they are written', () => {
  const revision = (text: string) => profileRevision(parseProfile(text, 'a.profile'));
  expect(revision(UNIVERSE)).toMatch(/^[0-9a-f]{16}$/);
  expect(revision(JSON.stringify(JSON.parse(UNIVERSE)))).toBe(revision(UNIVERSE));
  expect(revision(edit(UNIVERSE, { Direction: 'SendingToPeer' }))).not.toBe(revision(UNIVERSE));
  const keyed = edit(UNIVERSE, { FlowIdKey: 'one' });
  expect(revision(edit(keyed, { FlowIdKey: 'two' }))).not.toBe(revision(keyed));
});

test('every file that a profile names is listed', () => {
  const text = JSON.stringify({
    FlowMetadata: {
      IpFixCollectors: [
        { Address: 'Tls/192.0.2.1:4740', Tls: { Ca: '/a/ca.pem' } },
        { Address: 'Udp/192.0.2.2:4739', Anonymisation: { CryptoPan: '/a/key' } },
      ],
      Tls: { Certificate: '/a/cert.pem', Key: '/a/key.pem' },
      SpoolDirectory: '/a/spool',
      DropSources: [{ Pcapng: '/a/pipe' }, { Nflog: 5, Reason: 'AccessControl' }],
      Peers: ['WireGuard', 'File:/a/peers.json'],
    },
  });
  expect([...filesNamed(parseProfile(text, 'a.profile'))].sort()).toEqual([
    '/a/ca.pem',
    '/a/cert.pem',
    '/a/key',
    '/a/key.pem',
    '/a/peers.json',
    '/a/pipe',
    '/a/spool',
  ]);
});
