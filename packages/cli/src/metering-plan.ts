/** What a profile makes the meter do, and with which interfaces. */
import { UserError } from '@weir/base';
import type { Profile } from '@weir/exporting';
import { type CaptureSource, captureCapability, chooseInterfaces, listInterfaces } from '@weir/host';
import {
  flowIdKeyOf,
  type LiveMeterChange,
  type LiveMeterOptions,
  type PacketMeterOptions,
} from '@weir/metering';

/** The options of a meter, with those that can be changed while it runs. */
export type MeteringPlan = LiveMeterOptions & LiveMeterChange;

/**
 * The options of the meter for `profile`; `asked` are the interfaces of the command line, which come first.
 * `held` are those that are in force, undefined at the start. Throws a UserError when this process may not
 * capture, or an interface that is named does not exist: one that is held may come back, and one that the profile
 * names at the start may come later than we, as an overlay does at boot. Where nobody names any and none is up
 * the plan has none, and who meters waits for them (interface-follower.ts).
 */
export function planMetering(
  profile: Profile,
  asked: readonly string[],
  capture: CaptureSource,
  held?: readonly string[],
): MeteringPlan {
  const capability = captureCapability(capture);
  if (!capability.allowed) {
    throw new UserError('capture_denied', `cannot meter: ${capability.missing}; ${capability.howToGrant}`);
  }
  const { dropSources } = profile;
  const interfaces = interfacesToMeter(profile, asked, held);
  return { ...meterOptionsOf(profile), capture, dropSources, interfaces };
}

/** What a profile says of every meter, be it of interfaces or of a capture. */
export function meterOptionsOf(
  profile: Profile,
): PacketMeterOptions & Pick<LiveMeterChange, 'idleTimeoutMs' | 'activeTimeoutMs'> {
  const { idleTimeoutMs, activeTimeoutMs, tcpPerformance, names, flowIdKey } = profile;
  return {
    idleTimeoutMs,
    activeTimeoutMs,
    tcpPerformance,
    names: { ...names },
    ...(flowIdKey === undefined ? {} : { flowIdKey: flowIdKeyOf(flowIdKey) }),
  };
}

/** Properties of the profile that this package turns into options of the meter, and of nothing else. */
export const METER_PROPERTIES: readonly string[] = [
  'Interfaces',
  'IdleTimeout',
  'ActiveTimeout',
  'Interval',
  'FlowIdKey',
  'Names',
  'TcpPerformance',
  'DropSources',
];

function interfacesToMeter(
  profile: Profile,
  asked: readonly string[],
  held: readonly string[] | undefined,
): readonly string[] {
  const present = listInterfaces();
  const named = asked.length > 0 ? asked : profile.interfaces;
  if (named.length === 0) return chooseInterfaces(present).chosen.map(({ name }) => name);
  const isAwaited = (name: string) => (held === undefined ? asked.length === 0 : held.includes(name));
  const missing = named.find(
    (name) => !isAwaited(name) && !present.some((candidate) => candidate.name === name),
  );
  if (missing !== undefined) {
    const allowed = present.map(({ name }) => name).join(', ');
    throw new UserError('interface_unknown', `no interface '${missing}' (this machine has: ${allowed})`);
  }
  return named;
}
