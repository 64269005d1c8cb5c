import { EXIT_FAILED } from '@weir/base';
import { checkCollector } from '../collector-check.ts';
import { formatFinding } from '../doctor-report.ts';
import { checkMachine } from '../machine-check.ts';
import { checkProfile } from '../profile-check.ts';

interface DoctorOptions {
  data: string;
  config?: string;
  profile?: string;
  json?: true;
}

/** `weir doctor`: what this machine allows and what is misconfigured; exit code 1 when something is bad. */
export async function doctor(options: DoctorOptions): Promise<void> {
  const findings = [
    ...(await checkMachine()),
    ...(await checkCollector(options.data, options.config)),
    ...(await checkProfile(options.profile)),
  ];
  for (const finding of findings) {
    process.stdout.write(`${options.json ? JSON.stringify(finding) : formatFinding(finding)}\n`);
  }
  if (findings.some(({ verdict }) => verdict === 'bad')) process.exitCode = EXIT_FAILED;
}
