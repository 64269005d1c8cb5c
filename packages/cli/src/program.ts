/**
 * The command line: what `weir` understands. Commands are loaded when they are called, so that `weir query`
 * does not pay for the packet ring. docs/reference/cli.md is generated from this description.
 */
import { Command, Option } from 'commander';
import { retentionOptions } from './retention-options.ts';
import { VERSION } from './version.ts';

/** Collects a repeatable option. */
function repeatable(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

/** What adds which commands: describing them all takes longer than many a command runs. */
const SECTIONS: readonly (readonly [add: (program: Command) => void, ...commands: string[]])[] = [
  [addDevices, 'up', 'export', 'collect'],
  [addBackgroundCommands, 'start', 'restart', 'stop', 'status', 'supervise'],
  [addServiceCommands, 'service'],
  [addAgentCommands, 'agent'],
  [addFileCommands, 'meter', 'decode'],
  [addQuestionCommands, 'query', 'sql', 'doctor', 'ie'],
  [addStoreCommands, 'store'],
  [addPolicyCommands, 'policy'],
  [addUserCommands, 'user'],
  [addBillingCommands, 'bill', 'report'],
  [addTrafficCommands, 'replay', 'generate'],
];

/**
 * The program; parsing it runs a command. With the name of one as `only`, it has that one's section of commands and
 * no other; with any other word, or none, all of them.
 */
export function createProgram(only?: string): Command {
  const program = new Command('weir')
    .description('Meters, exports, collects, stores and shows IP flow metadata.')
    .version(VERSION)
    .showHelpAfterError('(weir help COMMAND tells what is allowed)')
    .exitOverride();
  const wanted = SECTIONS.filter(([, ...commands]) => only !== undefined && commands.includes(only));
  for (const [add] of wanted.length > 0 ? wanted : SECTIONS) add(program);
  return program;
}

function addDevices(program: Command): void {
  const up = program
    .command('up')
    .description('meter this machine, collect, store, and serve the console: the main job')
    .option('--data <dir>', 'folder of the store', './weir-data')
    .option('--http <ip:port>', 'where the console is served', '127.0.0.1:8080')
    .option('--interface <name>', 'meter this interface only; repeatable', repeatable, [])
    .option(
      '--listen <udp/ip:port>',
      'collect here instead of on UDP 2055 and 4739, also tcp/ip:port; repeatable',
      repeatable,
      [],
    )
    .addOption(captureOption())
    .option('--no-meter', 'collect and serve, do not meter')
    .option('--demo', 'generate a mix of flows at its own pace, for who has no traffic')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/up.ts')).up(options));
  program
    .command('export')
    .description('meter interfaces and export the flows as IPFIX to the collectors of a profile')
    .option('--profile <file>', 'the profile; default: Universe.profile in the platform’s folder')
    .option(
      '--interface <name>',
      'meter this interface; repeatable; default: all that are up',
      repeatable,
      [],
    )
    .addOption(captureOption())
    .option('--read <pcap>', 'meter a capture instead of interfaces, then end')
    .option('--check', 'check the profile, explain it, and end')
    .option('--print-config', 'print the effective configuration as JSON, and end')
    .option('--test', 'send a test record to each collector, say what to look for, and end')
    .option('--metrics <[ip:]port>', 'serve Prometheus metrics here; a port alone: on 127.0.0.1')
    .option('--state <dir>', 'folder for a control socket; weir status NAME --state DIR asks in DIR/NAME')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/export.ts')).exportFlows(options));
  const collect = program
    .command('collect')
    .description('collect IPFIX and NetFlow, store it, and serve the console')
    .option('--config <file>', 'flow sources as JSON')
    .option('--data <dir>', 'folder of the store', './weir-data')
    .option(
      '--listen <udp/ip:port>',
      'collect here, also tcp/ip:port and tls/ip:port; repeatable',
      repeatable,
      [],
    )
    .option('--tls-certificate <pem>', 'for tls/: our certificate, with its chain')
    .option('--tls-key <pem>', 'for tls/: its key')
    .option('--tls-client-ca <pem>', 'for tls/: only exporters with a certificate of these authorities')
    .option(
      '--tls-subject <name>',
      'for tls/: only these names in it, *.domain too; repeatable',
      repeatable,
      [],
    )
    .option('--http <ip:port>', 'where the console is served', '127.0.0.1:8080')
    .option('--no-http', 'do not serve the console')
    .option('--user <name>', 'started as root: go on as this user once the sockets are open')
    .option('--check', 'check the configuration, and end')
    .option('--print-config', 'print the effective configuration as JSON, and end')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/collect.ts')).collect(options));
  for (const option of retentionOptions()) {
    up.addOption(option);
    collect.addOption(option);
  }
}

function captureOption(): Option {
  const meaning = 'where packets come from: ring (Linux kernel), pcap (libpcap, Npcap), or auto';
  return new Option('--capture <source>', meaning).choices(['auto', 'ring', 'pcap']).default('auto');
}

const PROFILE_ARGUMENT = 'name or path of the profile; default: Universe';
const STATE_MEANING =
  'folder of all services; default: /run/weir for root, else $XDG_RUNTIME_DIR/weir or ~/.weir';

function addBackgroundCommands(program: Command): void {
  for (const [name, description] of [
    ['start', 'export in the background; returns when it meters'],
    ['restart', 'stop, then start'],
  ] as const) {
    program
      .command(name)
      .argument('[profile]', PROFILE_ARGUMENT)
      .description(description)
      .option('--interface <name>', 'meter this interface; repeatable', repeatable, [])
      .addOption(captureOption())
      .option('--metrics <[ip:]port>', 'serve Prometheus metrics here; a port alone: on 127.0.0.1')
      .option('--state <dir>', STATE_MEANING)
      .action(async (profile, options) => (await import('./commands/background.ts'))[name](profile, options));
  }
  program
    .command('stop')
    .argument('[profile]', PROFILE_ARGUMENT)
    .description('end and export all open flows, and stop exporting in the background')
    .option('--state <dir>', STATE_MEANING)
    .action(async (profile, options) => (await import('./commands/background.ts')).stop(profile, options));
  program
    .command('status')
    .argument('[profile]', 'name or path of the profile; default: all')
    .description('what the exporters in the background do; exit code 1 when one does not run')
    .option('--json', 'one JSON object a service')
    .option('--state <dir>', STATE_MEANING)
    .action(async (profile, options) => (await import('./commands/background.ts')).status(profile, options));
  program
    .command('supervise', { hidden: true })
    .argument('<profile>')
    .argument('<state>')
    .argument('[arguments...]')
    .action(async (profile, state, args) =>
      (await import('./commands/supervise.ts')).supervise(profile, state, args),
    );
}

function addServiceCommands(program: Command): void {
  const service = program
    .command('service')
    .description('have the machine start the exporter, and keep it running');
  service
    .command('install')
    .description('install a unit of systemd (Windows: a task of the Task Scheduler) that starts at boot')
    .option('--profile <file>', PROFILE_ARGUMENT)
    .option('--interface <name>', 'meter this interface; repeatable', repeatable, [])
    .addOption(captureOption())
    .option('--metrics <[ip:]port>', 'serve Prometheus metrics here; a port alone: on 127.0.0.1')
    .option('--collector', 'a unit for weir collect on /var/lib/weir/collector instead')
    .option('--config <file>', 'with --collector: its flow sources; default: those deployed in the console')
    .option('--http <ip:port>', 'with --collector: where the console is served; default: 127.0.0.1:8080')
    .option('--print', 'print what would be installed, and end')
    .action(async (options) => (await import('./commands/service.ts')).install(options));
  service
    .command('uninstall')
    .description('stop it, and remove what install has installed')
    .option('--profile <file>', PROFILE_ARGUMENT)
    .option('--collector', 'the unit of weir collect')
    .action(async (options) => (await import('./commands/service.ts')).uninstall(options));
}

function addAgentCommands(program: Command): void {
  const agent = program
    .command('agent')
    .description('show this exporter’s settings at a Weir server, which may then edit them');
  agent
    .command('enrol')
    .argument('<server>', 'https://HOST:PORT of the server’s console')
    .description('enrol with a token that the page Agents of the console gave')
    .requiredOption('--token <token>', 'good for one exporter and some minutes')
    .option('--profile <file>', 'the profile; default: Universe.profile in the platform’s folder')
    .option('--ca <pem>', 'the authority that vouches for the server, where the token names no key')
    .action(async (server, options) => (await import('./commands/agent.ts')).enrol(server, options));
  agent
    .command('leave')
    .description('end the enrolment; the profile stays as it is')
    .option('--profile <file>', 'the profile; default: Universe.profile in the platform’s folder')
    .action(async (options) => (await import('./commands/agent.ts')).leave(options));
}

function addFileCommands(program: Command): void {
  program
    .command('meter')
    .argument('<pcap>', 'a pcap or pcapng file, plain, gzip or Zstandard; -: standard input')
    .description('meter a capture; one flow record a line')
    .option('--json', 'one JSON object a line')
    .option('--write <ipfix>', 'write the records to an IPFIX file (RFC 5655)')
    .option('--idle-timeout <s>', 'a flow without packets for so long has ended', '60')
    .option('--active-timeout <s>', 'a longer flow is reported in parts of so long', '300')
    .action(async (file, options) => (await import('./commands/meter.ts')).meter(file, options));
  program
    .command('decode')
    .argument(
      '<file...>',
      'pcap or pcapng with export packets, IPFIX files, or raw datagrams; -: standard input',
    )
    .description('decode IPFIX and NetFlow; one data record a line')
    .option('--json', 'one JSON object a line')
    .action(async (files, options) => (await import('./commands/decode.ts')).decode(files, options));
}

function addQuestionCommands(program: Command): void {
  program
    .command('query')
    .argument('[filter...]', 'for example: src net 10.0.0.0/8 and port 443')
    .description('ask the store')
    .option('--by <dimensions>', 'group by these, separated by commas: srcAddr, dstAddr/24, host, dstPort, …')
    .option('--top <n>', 'so many rows; default: 10, of a series 5 lines')
    .option(
      '--order <measure>',
      'rank by octets, packets, flows, bps, bps95, count(dstAddr), …; default: octets',
    )
    .addOption(new Option('--order-by <measure>').hideHelp())
    .option('--asc', 'smallest first')
    .option(
      '--measures <measures>',
      'more columns, separated by commas: bps, ppsMax, bps95, count(dstPort), …',
    )
    .option('--last <duration>', 'the time up to now', '1h')
    .option('--from <time>', 'start of the time range: 2h ago, yesterday 10:30, 2026-05-03, ISO 8601')
    .option('--to <time>', 'end of the time range; default: now')
    .option('--records', 'flow records, newest first; the default without --by')
    .option('--series', 'sums over time')
    .option('--step <duration>', 'step of a series, and of rates such as bps95; default: by the time range')
    .option('--sessions', 'both directions of a conversation in one row')
    .option('--previous', 'also the sums of the period before')
    .option('--dedup', 'leave out records of packets that another observation point told of')
    .option('--sampled', 'multiply octets and packets by the sampling rate')
    .addOption(new Option('--source <kind>', 'insist on records or roll-ups').choices(['raw', 'rollup']))
    .option('--data <dir>', 'folder of the store', './weir-data')
    .option('--json', 'one JSON object a row')
    .addOption(new Option('--csv', 'comma-separated values with a header').conflicts('json'))
    .addOption(new Option('--parquet <file>', 'write a Parquet file').conflicts(['json', 'csv']))
    .option('--sql', 'print the SQL instead of running it')
    .option('--explain', 'say where the answer would come from and what would be read, instead of running it')
    .action(async (words, options) => (await import('./commands/query.ts')).query(words, options));
  program
    .command('sql')
    .argument(
      '<statement...>',
      'one SELECT over flows, exporters and extra_layouts; - reads it from standard input',
    )
    .description('ask the store in SQL; nothing can be changed')
    .option('--last <duration>', 'only records that ended in the time up to now; default: all')
    .option('--from <time>', 'start of the time range: 2h ago, yesterday 10:30, 2026-05-03, ISO 8601')
    .option('--to <time>', 'end of the time range; default: now')
    .option('--data <dir>', 'folder of the store', './weir-data')
    .option('--json', 'one JSON object a row')
    .addOption(new Option('--csv', 'comma-separated values with a header').conflicts('json'))
    .action(async (words, options) => (await import('./commands/sql.ts')).sql(words, options));
  program
    .command('doctor')
    .description('what this machine allows and what is misconfigured; exit code 1 when something is bad')
    .option('--profile <file>', 'the profile; default: Universe.profile in the platform’s folder')
    .option('--data <dir>', 'folder whose running collector is asked about its exporters', './weir-data')
    .option('--config <file>', 'a collector’s configuration, whose ports are looked at')
    .option('--json', 'one JSON object a finding')
    .action(async (options) => (await import('./commands/doctor.ts')).doctor(options));
  program
    .command('ie')
    .argument('<element>', 'a name, an id, or PEN/ID')
    .description('print an information element')
    .action(async (element) => (await import('./commands/ie.ts')).informationElement(element));
}

const DATA_OPTION = ['--data <dir>', 'folder of the store', './weir-data'] as const;

function addStoreCommands(program: Command): void {
  const store = program.command('store').description('look after a store that no process has open');
  store
    .command('check')
    .description('read every file of the store, and say which are damaged')
    .option('--repair', 'move damaged files to the folder damaged, so that the rest answers')
    .option(...DATA_OPTION)
    .option('--json', 'one JSON object')
    .action(async (options) => (await import('./commands/store.ts')).check(options));
  store
    .command('compact')
    .description('merge small files and sum up closed hours now')
    .option(...DATA_OPTION)
    .action(async (options) => (await import('./commands/store.ts')).compact(options));
  store
    .command('export')
    .argument('<folder>', 'where the Parquet files go')
    .description('write the records of a time range as Parquet files')
    .option('--from <time>', 'start of the time range; default: everything')
    .option('--to <time>', 'end of the time range; default: now')
    .option(...DATA_OPTION)
    .action(async (folder, options) => (await import('./commands/store.ts')).exportTo(folder, options));
  store
    .command('import')
    .argument('<path...>', 'files that store export wrote, or folders of them')
    .description('take exported records; files that were imported before are left out')
    .option(...DATA_OPTION)
    .action(async (paths, options) => (await import('./commands/store.ts')).importFrom(paths, options));
}

function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description('hold an intended policy against what was seen');
  policy
    .command('check')
    .argument('<file>', 'a policy as JSON; - is standard input')
    .description('say what is wrong with a policy; exit code 2 when it cannot be used')
    .option('--json', 'one JSON object')
    .action(async (file, options) => (await import('./commands/policy.ts')).check(file, options));
  policy
    .command('import')
    .argument('<file>', 'what nft list ruleset prints (text or --json), or a CSV; - is standard input')
    .description('make a policy of a firewall’s rules or of a table; what it cannot say is listed')
    .addOption(
      new Option('--from <format>', 'what it is made of').choices(['nftables', 'csv']).makeOptionMandatory(),
    )
    .option('--self <addresses>', 'addresses of the machine of the firewall; repeatable', repeatable, [])
    .option('--interface <name=networks>', 'the networks behind an interface; repeatable', repeatable, [])
    .action(async (file, options) => (await import('./commands/policy.ts')).importFrom(file, options));
  policy
    .command('matrix')
    .description('who reached whom, by what the policy says of it')
    .option('--last <duration>', 'the time up to now', '1d')
    .option('--from <time>', 'start of the time range: 2h ago, yesterday 10:30, 2026-05-03, ISO 8601')
    .option('--to <time>', 'end of the time range; default: now')
    .option('--filter <filter>', 'only flows that it lets through', '')
    .option(...DATA_OPTION)
    .option('--json', 'one JSON object')
    .addOption(new Option('--csv', 'a row for each cell, service and state').conflicts('json'))
    .action(async (options) => (await import('./commands/policy.ts')).matrix(options));
}

function addUserCommands(program: Command): void {
  const user = program.command('user').description('who may log in to the console');
  const asked = 'a password is asked for, or read from standard input';
  user
    .command('add')
    .argument('<name>', 'letters, digits, and . _ @ -')
    .description(`add a user; ${asked}`)
    .option('--role <role>', 'viewer, operator or admin', 'viewer')
    .option('--row-filter <filter>', 'only flows that meet this filter are shown')
    .option(...DATA_OPTION)
    .action(async (name, options) => (await import('./commands/user.ts')).add(name, options));
  user
    .command('list')
    .description('users with their roles and row filters')
    .option('--json', 'one JSON object a user')
    .option(...DATA_OPTION)
    .action(async (options) => (await import('./commands/user.ts')).list(options));
  user
    .command('remove')
    .argument('<name>')
    .description('remove a user; sessions and tokens end')
    .option(...DATA_OPTION)
    .action(async (name, options) => (await import('./commands/user.ts')).remove(name, options));
  user
    .command('password')
    .argument('<name>')
    .description(`give a user another password; ${asked}; sessions end`)
    .option(...DATA_OPTION)
    .action(async (name, options) => (await import('./commands/user.ts')).password(name, options));
  user
    .command('role')
    .argument('<name>')
    .argument('<role>', 'viewer, operator or admin')
    .description('give a user another role, or another row filter')
    .option('--row-filter <filter>', 'only flows that meet this filter are shown; an empty one: all')
    .option(...DATA_OPTION)
    .action(async (name, role, options) => (await import('./commands/user.ts')).role(name, role, options));
}

function addBillingCommands(program: Command): void {
  program
    .command('bill')
    .argument('[account]', 'name or id; default: all accounts in a table')
    .description('what an account is billed, and how far it is from its commit')
    .option('--period <month>', 'the month in which the period began: 2026-10; default: the current one')
    .option(...DATA_OPTION)
    .option('--json', 'one JSON object')
    .addOption(new Option('--csv', 'the charges as comma-separated values').conflicts('json'))
    .addOption(new Option('--pdf <file>', 'write the statement as PDF').conflicts(['json', 'csv']))
    .action(async (account, options) => (await import('./commands/bill.ts')).bill(account, options));
  const report = program.command('report').description('reports that the console defines');
  report
    .command('run')
    .argument('<name>', 'name or id of the report')
    .description('make a report now; it is kept, and sent where it says so')
    .option(...DATA_OPTION)
    .option('--json', 'one JSON object')
    .action(async (name, options) => (await import('./commands/report.ts')).run(name, options));
}

function addTrafficCommands(program: Command): void {
  program
    .command('replay')
    .argument('<file>', 'a capture with export packets, or an IPFIX file; -: standard input')
    .description('send export packets again')
    .requiredOption('--to <udp/ip:port>', 'the collector')
    .option('--rate <n>', 'datagrams a second; default: the pace of the capture')
    .action(async (file, options) => (await import('./commands/replay.ts')).replay(file, options));
  program
    .command('generate')
    .description('send generated flow records as IPFIX, or fill a store with a month of them')
    .option('--to <udp/ip:port>', 'the collector')
    .option('--records <n>', 'so many records to it')
    .option('--rate <n>', 'records a second; default: as fast as it goes')
    .option('--data <dir>', 'fill the store in this folder; what was planted is in its generated.json')
    .option('--days <n>', 'so many days, up to this hour', '30')
    .option('--flows <n>', 'so many records in all, about: 100M, 500k', '1M')
    .option('--exporters <n>', 'from so many exporters', '50')
    .option('--seed <n>', 'the same seed gives the same records', '1')
    .action(async (options) => (await import('./commands/generate.ts')).generate(options));
}
