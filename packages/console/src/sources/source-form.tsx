import type { FlowSourceDraft, FlowSourceProblem } from '../api/contract.ts';
import { FieldGroup, ListField, NumberField, SelectField, Switch, TextField } from '../widgets/form.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import { listOf, parameterOf, withParameter, withTransport } from './source-draft.ts';

const TYPES = [
  { value: 'Any', text: 'Any: NetFlow and IPFIX' },
  { value: 'NetFlow', text: 'NetFlow v1, v5, v7, v9' },
  { value: 'NetFlow v1', text: 'NetFlow v1' },
  { value: 'NetFlow v5', text: 'NetFlow v5' },
  { value: 'NetFlow v7', text: 'NetFlow v7' },
  { value: 'NetFlow v9', text: 'NetFlow v9' },
  { value: 'IPFIX', text: 'IPFIX' },
];
const TRANSPORTS = [
  { value: 'udp', text: 'UDP' },
  { value: 'tcp', text: 'TCP' },
  { value: 'tls', text: 'TLS' },
] as const;

interface SourceFormProps {
  source: FlowSourceDraft;
  problems: readonly FlowSourceProblem[];
  /** Interfaces of this machine, as far as they are known. */
  interfaces: readonly string[];
  editable: boolean;
  onChange: (source: FlowSourceDraft) => void;
}

/** What the parts of the form need: the value at a path, its problem, and how to change it. */
interface Parameters {
  source: FlowSourceDraft;
  disabled: boolean;
  text: (path: string) => string;
  list: (path: string) => readonly string[];
  problem: (path: string) => string | undefined;
  set: (path: string, value: unknown) => void;
  change: (source: FlowSourceDraft) => void;
}

/** Every parameter of a flow source. Changes are staged as they are made. */
export function SourceForm({ source, problems, interfaces, editable, onChange }: SourceFormProps) {
  const parameters: Parameters = {
    source,
    disabled: !editable,
    text: (path) => {
      const value = parameterOf(source, path);
      return value === undefined || value === null ? '' : String(value);
    },
    list: (path) => {
      const value = parameterOf(source, path);
      return Array.isArray(value) ? value.map(String) : [];
    },
    problem: (path) => {
      const found = problems.filter(
        ({ parameter }) => parameter === path || parameter.startsWith(`${path}.`),
      );
      return found.length === 0 ? undefined : found.map(({ message }) => sentence(message)).join(' ');
    },
    set: (path, value) => onChange(withParameter(source, path, value)),
    change: onChange,
  };
  return (
    <>
      <OtherProblems problems={problems} />
      <General {...parameters} />
      <Input {...parameters} interfaces={interfaces} />
      {source['transport'] === 'tls' && <Tls {...parameters} />}
      {source['transport'] !== 'udp' && <Connections {...parameters} />}
      <Access {...parameters} />
      <Alarms {...parameters} />
      <Sessions {...parameters} />
      <Forwarding {...parameters} />
    </>
  );
}

const PLACES =
  /^(?:name|enabled|targetCollector|type|monitoring(?:Interface|Address|Port)|transport|tls|connections|allow|limits|alarms|sourceFilePath|asymmetricFlows|sessions|forwarding)(?:\.|$)/;

/** Problems that belong to no field of the form. */
function OtherProblems({ problems }: { problems: readonly FlowSourceProblem[] }) {
  const others = problems.filter(({ parameter }) => !PLACES.test(parameter));
  if (others.length === 0) return null;
  return (
    <ul role="alert" className="border-line border-b bg-drop-soft px-4 py-2 text-xs">
      {others.map(({ parameter, message }) => (
        <li key={parameter + message}>
          {parameter === '' ? '' : `${parameter}: `}
          {sentence(message)}
        </li>
      ))}
    </ul>
  );
}

function sentence(message: string): string {
  const start = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

function General({ text, problem, set, disabled, source }: Parameters) {
  return (
    <FieldGroup title="General">
      <TextField
        label="Name"
        value={text('name')}
        problem={problem('name')}
        disabled={disabled}
        onChange={(value) => set('name', value)}
      />
      <SelectField
        label="Type"
        value={text('type')}
        options={TYPES}
        problem={problem('type')}
        disabled={disabled}
        help="Anything else that arrives is counted and not taken."
        onChange={(value) => set('type', value)}
      />
      <TextField
        label="Target collector"
        value={text('targetCollector')}
        problem={problem('targetCollector')}
        disabled={disabled}
        help="“local” is the collector in this process."
        onChange={(value) => set('targetCollector', value)}
      />
      <div className="self-center sm:pt-1">
        <Switch
          label="Enabled"
          on={source['enabled'] !== false}
          problem={problem('enabled')}
          disabled={disabled}
          help="A source that is not enabled keeps its parameters and opens no port."
          onChange={(on) => set('enabled', on)}
        />
      </div>
    </FieldGroup>
  );
}

function Input(props: Parameters & { interfaces: readonly string[] }) {
  const { text, problem, set, disabled, source, change } = props;
  const fromFile = typeof source['sourceFilePath'] === 'string';
  return (
    <FieldGroup title="Where records come from">
      <div className="sm:col-span-2">
        <Segmented
          label="Where records come from"
          value={fromFile ? 'file' : 'port'}
          options={[
            { value: 'port', text: 'A port of this machine' },
            { value: 'file', text: 'A file or folder' },
          ]}
          onChange={(kind) => {
            if (!disabled) set('sourceFilePath', kind === 'file' ? '' : undefined);
          }}
        />
      </div>
      {fromFile ? (
        <div className="sm:col-span-2">
          <TextField
            label="Source file path"
            value={text('sourceFilePath')}
            problem={problem('sourceFilePath')}
            disabled={disabled}
            wire
            placeholder="/var/captures"
            help="A capture or an IPFIX file is read once; a folder is followed, and each file that is put there is taken once."
            onChange={(value) => set('sourceFilePath', value)}
          />
        </div>
      ) : (
        <>
          <div className="space-y-1">
            <span className="block font-medium text-ink-soft text-xs">Transport</span>
            <Segmented
              label="Transport"
              value={TRANSPORTS.find(({ value }) => value === source['transport'])?.value}
              options={TRANSPORTS}
              onChange={(transport) => {
                if (!disabled) change(withTransport(source, transport));
              }}
            />
            {problem('transport') !== undefined && (
              <p className="text-drop text-xs">{problem('transport')}</p>
            )}
          </div>
          <NumberField
            label="Monitoring port"
            value={source['monitoringPort']}
            problem={problem('monitoringPort')}
            disabled={disabled}
            onChange={(value) => set('monitoringPort', value)}
          />
          <TextField
            label="Monitoring address"
            value={text('monitoringAddress')}
            problem={problem('monitoringAddress')}
            disabled={disabled}
            wire
            help="0.0.0.0 and :: are every address of the machine."
            onChange={(value) => set('monitoringAddress', value)}
          />
          <TextField
            label="Monitoring interface"
            value={text('monitoringInterface')}
            problem={problem('monitoringInterface')}
            disabled={disabled}
            wire
            proposals={['any', ...props.interfaces]}
            help="“any”, or the one interface on which exporters are heard."
            onChange={(value) => set('monitoringInterface', value)}
          />
        </>
      )}
    </FieldGroup>
  );
}

function Tls({ text, list, problem, set, disabled }: Parameters) {
  const file = (name: string, label: string, help: string, optional = false) => (
    <TextField
      label={label}
      value={text(`tls.${name}`)}
      problem={problem(`tls.${name}`)}
      disabled={disabled}
      wire
      help={help}
      onChange={(value) => set(`tls.${name}`, optional && value === '' ? undefined : value)}
    />
  );
  return (
    <FieldGroup title="TLS">
      {file('certificate', 'Certificate', 'PEM file. It is read again when it changes.')}
      {file('key', 'Key', 'PEM file.')}
      {file(
        'clientCa',
        'Authorities of exporters',
        'PEM file; without it exporters show no certificate.',
        true,
      )}
      <ListField
        label="Names that may export"
        value={list('tls.subjects')}
        problem={problem('tls.subjects')}
        disabled={disabled}
        help="One a line, *.example.net for one label; empty: every trusted one."
        onChange={(value) => set('tls.subjects', listOf(value).length === 0 ? undefined : listOf(value))}
      />
    </FieldGroup>
  );
}

function Connections({ source, problem, set, disabled }: Parameters) {
  const limit = (name: string, label: string, byDefault: number, help?: string) => (
    <NumberField
      label={label}
      value={parameterOf(source, `connections.${name}`) ?? byDefault}
      problem={problem(`connections.${name}`)}
      disabled={disabled}
      help={help}
      onChange={(value) => set(`connections.${name}`, value)}
    />
  );
  return (
    <FieldGroup title="Connections">
      {limit('max', 'At most', 1024, 'Further ones are refused and counted.')}
      {limit('perAddressMax', 'At most from one address', 64)}
      {limit('idleTimeoutSeconds', 'Closed after idle seconds', 1800, 'Without a whole message; 0: never.')}
    </FieldGroup>
  );
}

/** A number that the collector chooses where the field is empty. */
function OptionalNumber({
  path,
  label,
  help,
  source,
  problem,
  set,
  disabled,
}: Parameters & { path: string; label: string; help: string }) {
  return (
    <NumberField
      label={label}
      value={parameterOf(source, path)}
      problem={problem(path)}
      disabled={disabled}
      help={help}
      onChange={(value) => set(path, value === '' ? undefined : value)}
    />
  );
}

function Access(parameters: Parameters) {
  const { list, problem, set, disabled } = parameters;
  const limit = (name: string, label: string) => (
    <OptionalNumber
      {...parameters}
      path={`limits.${name}`}
      label={label}
      help="Of one exporter; empty: no limit."
    />
  );
  return (
    <FieldGroup title="Who may export, and how much">
      <ListField
        label="Networks of exporters"
        value={list('allow')}
        problem={problem('allow')}
        disabled={disabled}
        placeholder={'192.0.2.0/24\n2001:db8::/32'}
        help="One a line; empty: anyone. What strangers send costs a counter and nothing else."
        onChange={(text) => set('allow', listOf(text).length === 0 ? undefined : listOf(text))}
      />
      {limit('recordsPerSecond', 'Records a second')}
      {limit('datagramsPerSecond', 'Datagrams a second')}
      {limit('templates', 'Templates')}
    </FieldGroup>
  );
}

function Alarms(parameters: Parameters) {
  const limit = (name: string, label: string, help: string) => (
    <OptionalNumber {...parameters} path={`alarms.${name}`} label={label} help={help} />
  );
  return (
    <FieldGroup title="Alarms">
      {limit('silentAfterSeconds', 'Silent after seconds', 'Empty: as each exporter’s own habit says.')}
      {limit('clockSkewSeconds', 'Clock off by seconds', 'Empty: 5.')}
      {limit('lossPercent', 'Loss in percent', 'Of the last five minutes; empty: 1.')}
    </FieldGroup>
  );
}

function Sessions(parameters: Parameters) {
  const { source, problem, set, disabled } = parameters;
  const mark = (name: string, label: string, help: string) => (
    <Switch
      label={label}
      on={parameterOf(source, `sessions.${name}`) !== false}
      problem={problem(`sessions.${name}`)}
      disabled={disabled}
      help={help}
      onChange={(on) => set(`sessions.${name}`, on ? undefined : false)}
    />
  );
  const limit = (name: string, label: string, help: string) => (
    <OptionalNumber {...parameters} path={`sessions.${name}`} label={label} help={help} />
  );
  return (
    <FieldGroup title="Sessions and duplicates">
      <div className="sm:col-span-2">
        <Switch
          label="Asymmetric flows"
          on={source['asymmetricFlows'] === true}
          problem={problem('asymmetricFlows')}
          disabled={disabled}
          help="On: the two directions of a conversation are paired across all exporters of this source. Off: only when one exporter saw both."
          onChange={(on) => set('asymmetricFlows', on)}
        />
      </div>
      {mark('pairing', 'Mark sessions', 'Both directions of a conversation get one session and a side.')}
      {mark(
        'deduplication',
        'Mark duplicates',
        'Records of packets that another exporter told of; none is deleted.',
      )}
      {limit('windowSeconds', 'Pairing window in seconds', 'Empty: 6.')}
      {limit('sessionsMax', 'Sessions at a time', 'Empty: as many as the collector has by default.')}
    </FieldGroup>
  );
}

function Forwarding({ source, list, problem, set, disabled }: Parameters) {
  const on = parameterOf(source, 'forwarding.enabled') === true;
  return (
    <FieldGroup title="Flow forwarding">
      <div className="sm:col-span-2">
        <Switch
          label="Forward every datagram"
          on={on}
          problem={problem('forwarding.enabled')}
          disabled={disabled}
          help="Byte for byte, to each destination; forwarding never slows collection."
          onChange={(next) => set('forwarding.enabled', next)}
        />
      </div>
      {on && (
        <>
          <ListField
            label="Destinations"
            value={list('forwarding.destinations')}
            problem={problem('forwarding.destinations')}
            disabled={disabled}
            placeholder={'192.0.2.9\nUdp/[2001:db8::9]:9995'}
            help="One a line: an address, or Udp/IP:Port; “ 1/N” behind it for one datagram in N."
            onChange={(text) => set('forwarding.destinations', listOf(text))}
          />
          <NumberField
            label="Forwarding port"
            value={parameterOf(source, 'forwarding.port')}
            problem={problem('forwarding.port')}
            disabled={disabled}
            help="Of destinations that name none."
            onChange={(value) => set('forwarding.port', value)}
          />
          <NumberField
            label="Templates again every seconds"
            value={parameterOf(source, 'forwarding.templatesEverySeconds')}
            problem={problem('forwarding.templatesEverySeconds')}
            disabled={disabled}
            help="For who begins to listen later; empty: 60."
            onChange={(value) => set('forwarding.templatesEverySeconds', value === '' ? undefined : value)}
          />
          <Switch
            label="Keep the exporter’s address"
            on={parameterOf(source, 'forwarding.preserveSource') === true}
            problem={problem('forwarding.preserveSource')}
            disabled={disabled}
            help="Datagrams look as if the exporter had sent them. IPv4 on Linux, with CAP_NET_RAW."
            onChange={(next) => set('forwarding.preserveSource', next ? true : undefined)}
          />
        </>
      )}
    </FieldGroup>
  );
}
