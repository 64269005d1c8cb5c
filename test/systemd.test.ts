/** The unit of `weir service install`, run by a systemd that is in charge of its machine. */
import { expect, test } from 'vitest';
import { runOnSystemdMachine, WEIR_THERE, whyNoSystemdMachine } from './systemd-machine.ts';
import { temporaryFolder } from './temporary-folder.ts';

const UNIT = 'weir-Universe.service';
const WHY_NOT = whyNoSystemdMachine();
const folder = temporaryFolder();

/** Each step begins with a line of its own, so that a test can look for what came of it. */
const SCRIPT = `
PATH=/usr/bin:/usr/sbin
step() { echo "== $1"; }
profile() { mkdir -p /etc/weir/profiles; echo "{\\"FlowMetadata\\":{$1}}" > /etc/weir/profiles/Universe.profile; }
said() { journalctl -u ${UNIT} -o cat --no-pager | grep -o '"msg":"[^"]*"' | tail -n "$1"; }
EXPORT='"IpFixCollectors":["Tcp/127.0.0.1:4739"],"Interfaces":["lo"],"SpoolDirectory":"/var/lib/weir/Universe/spool","DropSources":[{"Nflog":5,"Reason":"AccessControl"}]'
ip link set lo up
profile "$EXPORT"
systemd-run --quiet --unit=collect ${WEIR_THERE} collect --data /var/lib/store --listen tcp/127.0.0.1:4739 --no-http
sleep 2
step install; ${WEIR_THERE} service install; ${WEIR_THERE} start; systemctl is-enabled ${UNIT}
MAIN=$(systemctl show -p MainPID --value ${UNIT})
step confined; grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$MAIN/status
step status; ${WEIR_THERE} status
step reload; profile "$EXPORT,\\"IdleTimeout\\":20000"; systemctl reload ${UNIT}; sleep 3; said 1
step killed; kill -9 $MAIN; sleep 5; systemctl is-active ${UNIT}; systemctl show -p NRestarts ${UNIT}
ping -c 5 -i 0.2 -q 127.0.0.1 > /dev/null
step stopped; systemctl stop ${UNIT}; systemctl show -p Result ${UNIT}; said 2
step started; ${WEIR_THERE} start; ping -c 5 -i 0.2 -q 127.0.0.1 > /dev/null; ${WEIR_THERE} stop
step mistaken; profile '"Direction":"Bot"'; systemctl start ${UNIT}; sleep 4; systemctl show -p ActiveState,NRestarts,ExecMainStatus ${UNIT}
step removed; ${WEIR_THERE} service uninstall; systemctl list-unit-files --no-pager 'weir*'
systemctl stop collect
step stored; ${WEIR_THERE} query 'port = 0 and protocol = 1' --data /var/lib/store --last 1h --json
step end
`;

test.skipIf(WHY_NOT !== undefined)(
  `systemd starts, confines, reloads, restarts and stops the exporter${WHY_NOT === undefined ? '' : ` (skipped: ${WHY_NOT})`}`,
  () => {
    const { output, console } = runOnSystemdMachine(folder, SCRIPT);
    const steps = new Map(
      output.split(/^== /m).map((text) => [text.split('\n')[0], text.slice(text.indexOf('\n') + 1)]),
    );
    const of = (name: string) => steps.get(name) ?? `nothing; in all:\n${output}\n${console}`;
    expect(of('install')).toMatch(
      /installed; it starts with the machine[\s\S]*Universe meters lo[\s\S]*\nenabled\n/,
    );
    // A user of its own, CAP_NET_ADMIN and CAP_NET_RAW and no way to more, system calls filtered.
    expect(of('confined')).not.toMatch(/^Uid:\s+0\s/m);
    expect(of('confined')).toMatch(
      /CapEff:\s+0{12}3000\nCapBnd:\s+0{12}3000\nNoNewPrivs:\s+1\nSeccomp:\s+2\n/,
    );
    expect(of('status')).toMatch(/Universe is metering, .*kept running by systemd/);
    expect(of('status')).toMatch(/collector +Tcp\/127.0.0.1:4739: connected/);
    expect(of('reload')).toContain('metering lo');
    expect(of('killed')).toBe('active\nNRestarts=1\n');
    expect(of('stopped')).toMatch(/^Result=success\n"msg":"[1-9]\d* open flows were ended and exported/);
    expect(of('started')).toMatch(
      /Universe has stopped: [1-9]\d* open flows were ended[\s\S]*: [1-9]\d* records sent, 0 not/,
    );
    for (const property of ['ActiveState=failed', 'NRestarts=0', 'ExecMainStatus=2'])
      expect(of('mistaken').split('\n')).toContain(property);
    expect(of('removed')).toMatch(/removed[\s\S]*\n0 unit files listed/);
    expect(of('stored').trim().split('\n').length).toBeGreaterThanOrEqual(2);
    expect(steps.has('end')).toBe(true);
  },
  180_000,
);
