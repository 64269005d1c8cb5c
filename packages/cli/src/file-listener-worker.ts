/**
 * Entry of the worker of a flow source that reads files: metering knows captures, collecting knows flow sources,
 * and neither knows the other.
 */
import { runListenerWorker } from '@weir/collecting';
import { readExportPackets } from './export-packets.ts';

void runListenerWorker({ readExportPackets });
