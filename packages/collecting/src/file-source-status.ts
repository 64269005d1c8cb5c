/** One file of a source file path. */
export interface FileReport {
  readonly name: string;
  readonly packets: number;
  readonly records: number;
  /** Why not all of it, or nothing, could be taken. */
  readonly problem: string | undefined;
  readonly atMs: number;
}

/** What became of the files of a source file path, since its listener was started. */
export interface FileSourceStatus {
  readonly path: string;
  /** Read to the end, those with a problem included. */
  readonly taken: number;
  readonly failed: number;
  /** At rest and not taken yet. */
  readonly waiting: number;
  /** Still being written. */
  readonly unfinished: number;
  /** Why no file can be taken now. */
  readonly problem: string | undefined;
  /** What is being read. */
  readonly current: string | undefined;
  /** The latest, newest first. */
  readonly recent: readonly FileReport[];
}
