/**
 * The background service of Windows: a task that the Task Scheduler starts with the machine, as SYSTEM, and
 * starts again when it fails. Not a service of the Service Control Manager: such a program must answer the
 * manager's calls within 30 s of its start, which Node does not.
 */

export interface TaskOptions {
  readonly name: string;
  readonly node: string;
  readonly weir: string;
  readonly profileFile: string;
  readonly exportArguments: readonly string[];
}

/** PowerShell that registers the task. */
export function registerTaskScript(options: TaskOptions): string {
  const words = [options.weir, 'export', '--profile', options.profileFile, '--state', options.name];
  const argument = [...words, ...options.exportArguments].map((word) => `"${word}"`).join(' ');
  return [
    `$action = New-ScheduledTaskAction -Execute ${literal(options.node)} -Argument ${literal(argument)}`,
    '$trigger = New-ScheduledTaskTrigger -AtStartup',
    '$settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) ' +
      '-ExecutionTimeLimit ([TimeSpan]::Zero) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries',
    '$principal = New-ScheduledTaskPrincipal -UserId SYSTEM -LogonType ServiceAccount -RunLevel Highest',
    `Register-ScheduledTask -TaskName ${literal(taskName(options.name))} -Action $action -Trigger $trigger ` +
      '-Settings $settings -Principal $principal -Force',
    `Start-ScheduledTask -TaskName ${literal(taskName(options.name))}`,
    '',
  ].join('\n');
}

/** PowerShell that removes it. */
export function unregisterTaskScript(name: string): string {
  return `Unregister-ScheduledTask -TaskName ${literal(taskName(name))} -Confirm:$false\n`;
}

function taskName(name: string): string {
  return `Weir ${name}`;
}

/** A PowerShell string in which nothing is expanded. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
