import type {
  Dataprovider,
  PartyState,
  Project,
  ProjectDescription,
  Upload,
  UploadState,
} from "./project.js";
import type { Run, RunDescription, RunState } from "./run.js";

/** The persistent state of projects and runs, except for encodings and files. */
export interface Database extends ProjectDatabase, UploadDatabase, RunDatabase, ResultDatabase {
  /** Rejects unless the database responds and has its tables. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface ProjectDatabase {
  /** Adds a project and its parties in one transaction; a party's index is the position of its token. */
  addProject(project: ProjectDescription, updateTokens: readonly string[]): Promise<void>;

  /** Oldest first, without those marked for deletion. */
  listProjects(): Promise<readonly Pick<Project, "projectId" | "timeAdded">[]>;

  countProjects(): Promise<number>;

  /** `undefined` if it does not exist or is marked for deletion. */
  findProject(projectId: string): Promise<Project | undefined>;

  /** In order of index; empty if the project does not exist or is marked for deletion. */
  listDataproviders(projectId: string): Promise<readonly Dataprovider[]>;

  /**
   * Sets the encoding size of a project that has none yet.
   *
   * @returns the project's encoding size, whether set now or before; `undefined` if the project is gone
   */
  settleEncodingSize(projectId: string, encodingSize: number): Promise<number | undefined>;

  /** Marks a project for deletion: it now counts as deleted. Returns whether it existed and was not marked yet. */
  markProjectDeleted(projectId: string): Promise<boolean>;

  /** Projects that are marked for deletion but not removed yet. */
  listDeletedProjects(): Promise<readonly string[]>;

  /** The names of all files in the project's rows: those of uploads and of similarity scores. */
  listProjectFiles(projectId: string): Promise<readonly string[]>;

  /** The ids of all runs of a project, even if it is marked for deletion. */
  listProjectRunIds(projectId: string): Promise<readonly string[]>;

  /** Removes all rows of the project, in batches, so that no lock is held for long. */
  removeProject(projectId: string): Promise<void>;
}

/** The properties of an upload that are known once it is stored. */
export interface UploadSummary {
  readonly recordCount: number;
  readonly blockCount: number;
  /** Bytes in an encoding. */
  readonly encodingSize: number;
}

export interface UploadDatabase {
  /**
   * Claims the party's upload slot in one transaction: changes the party from `not_started` or `error` to
   * `in_progress`, drops its earlier uploads, and adds a pending upload with this receipt token. Of several callers,
   * all but the first get `false`.
   *
   * @param file the object that will hold the encodings, if the store keeps them in objects
   */
  beginUpload(dataproviderId: number, receiptToken: string, file: string | undefined): Promise<boolean>;

  /**
   * Takes over the slot of an interrupted upload: like {@link beginUpload}, but from `in_progress` with a pending
   * upload of the abandoned receipt token, and only if that upload is still the current one.
   */
  takeOverUpload(
    dataproviderId: number,
    abandonedReceiptToken: string,
    receiptToken: string,
    file: string | undefined,
  ): Promise<boolean>;

  /**
   * Finishes a pending upload: the party is `done`, the upload `ready`. With `state: "error"`, both are in `error`.
   *
   * @returns `false` if the upload is no longer the party's pending one
   */
  finishUpload(
    dataproviderId: number,
    receiptToken: string,
    summary: UploadSummary,
    state: Exclude<UploadState, "pending">,
  ): Promise<boolean>;

  /** Drops an upload that was refused or interrupted, and releases the slot: the party gets the given state. */
  dropUpload(
    dataproviderId: number,
    receiptToken: string,
    partyState: Extract<PartyState, "not_started" | "error">,
  ): Promise<void>;

  /** Accepts an upload that a task will read from an object store: the party is `done`, the upload still pending. */
  acceptPendingUpload(dataproviderId: number, receiptToken: string): Promise<boolean>;

  /**
   * Ensures, for the task that will store it, that the party has a pending upload with this receipt token and file:
   * adds the upload if the Python API has left that to the task; sets the file of an existing pending one.
   *
   * @returns `false` if that upload is ready or in error, the party has started another upload, or the party is gone;
   *   then nothing was changed
   */
  preparePendingUpload(
    dataproviderId: number,
    receiptToken: string,
    file: string | undefined,
  ): Promise<boolean>;

  /**
   * Marks an upload (by default the newest) and its party as failed; adds the upload if it is missing, as the Python
   * service does. Does nothing if the project is gone, or if the party has started another upload.
   */
  failUpload(dataproviderId: number, receiptToken: string | undefined): Promise<void>;

  /** Pending uploads with their parties, receipt tokens and files; for a service that restarts. */
  listPendingUploads(): Promise<
    readonly {
      dataproviderId: number;
      projectId: string;
      receiptToken: string;
      partyState: PartyState;
      file: string | undefined;
    }[]
  >;

  /** The newest upload of a party, in any state; `undefined` if there is none, or no such party. */
  findUpload(dataproviderId: number): Promise<Upload | undefined>;

  /**
   * Adds blocks of a party's pending upload, with their record counts, in one transaction.
   *
   * @param receiptToken of the upload that is being stored; an upload whose slot was taken over can add nothing more
   * @param blocks names as the Python service hashes them (64 hexadecimal characters), each once; up to 100,000 at once
   * @returns the ids of the blocks in the same order, all greater than those of earlier calls for the party
   * @throws ServiceError `forbidden` if the upload is no longer the party's pending one
   */
  addBlocks(
    dataproviderId: number,
    receiptToken: string,
    blocks: readonly { name: string; recordCount: number }[],
  ): Promise<readonly number[]>;

  /** Removes all blocks of a party; only for the holder of its upload slot. */
  removeBlocks(dataproviderId: number): Promise<void>;

  /**
   * Streams the blocks that two parties have in common, by name. Without blocking, the single block of all records may
   * be named `1` or the hash of `1`; the two names are equivalent.
   */
  listCommonBlocks(leftDataproviderId: number, rightDataproviderId: number): AsyncIterable<CommonBlock>;

  /** The sum over block names and pairs of parties of the product of the two parties' record counts. */
  countComparisons(projectId: string): Promise<number>;
}

/** A block that two parties have in common: the id and record count of each party's part. */
export interface CommonBlock {
  readonly leftBlockId: number;
  readonly leftCount: number;
  readonly rightBlockId: number;
  readonly rightCount: number;
}

export interface RunDatabase {
  /** Adds a run in the state `created`. Returns `false` if the project is gone. */
  addRun(run: RunDescription): Promise<boolean>;

  /** Oldest first. */
  listRuns(projectId: string): Promise<readonly Run[]>;

  findRun(projectId: string, runId: string): Promise<Run | undefined>;

  /** The state of a run; `undefined` if the run or its project does not exist or the project is marked for deletion. */
  runState(projectId: string, runId: string): Promise<RunState | undefined>;

  /** The number of runs in each state; for metrics. */
  countRuns(): Promise<Readonly<Record<RunState, number>>>;

  /** `created` → `queued`, stage 2, for all such runs of the project, in one statement. Returns their ids. */
  queueRuns(projectId: string): Promise<readonly string[]>;

  /** `created` or `queued` → `running`, and records the time. Returns `true` for the one call that did it. */
  startRun(runId: string): Promise<boolean>;

  /** Advances a running run from `fromStage` to the next stage; idempotent, because no other stage is advanced. */
  progressStage(runId: string, fromStage: number): Promise<boolean>;

  /** `running` → `completed`, and records the time. */
  completeRun(runId: string): Promise<boolean>;

  /**
   * Fails a run that has not finished yet, in one step.
   *
   * @param message shown to the user in the run's status
   * @returns whether this call failed the run; `false` if it had finished already or does not exist
   */
  failRun(runId: string, message: string): Promise<boolean>;

  /** Fails all runs of a project that have not finished. Returns their ids. */
  failRunsOfProject(projectId: string, message: string): Promise<readonly string[]>;

  /** Created, queued and running runs of all projects, in the order they were added; for a service that restarts. */
  listUnfinishedRuns(): Promise<readonly Run[]>;

  /**
   * Removes a run and its results.
   *
   * @returns the names of its files; `undefined` if the run did not exist
   */
  removeRun(projectId: string, runId: string): Promise<readonly string[] | undefined>;

  /** The total number of comparisons of all completed runs, and the seconds they took. */
  measureRuns(): Promise<{ readonly comparisons: number; readonly seconds: number }>;

  /** Comparisons per second over all runs. `findComparisonRate` returns the newest rate added. */
  addComparisonRate(rate: number): Promise<void>;
  findComparisonRate(): Promise<number | undefined>;
}

/** A record: the index of its party, and its index in the party's upload. */
export type GroupMember = readonly [datasetIndex: number, row: number];

/**
 * Results. Each is stored once: storing it again changes nothing, nor does storing a result of a run that is gone.
 * Large ones are passed as JSON strings, so that callers can serialize them where that blocks nothing else.
 */
export interface ResultDatabase {
  addSimilarityScores(runId: string, file: string): Promise<void>;
  /** The name of the candidate file. */
  findSimilarityScores(runId: string): Promise<string | undefined>;

  /** @param groups JSON: a list of lists of {@link GroupMember} */
  addGroups(runId: string, groups: string): Promise<void>;
  /** The groups as JSON, as stored. */
  findGroups(runId: string): Promise<string | undefined>;

  /** Stores all permutations (in order of party index) and the mask, as JSON lists of numbers, in one transaction. */
  addPermutations(
    projectId: string,
    runId: string,
    permutations: readonly { dataproviderId: number; permutation: string }[],
    mask: string,
  ): Promise<void>;
  /** The permutation as JSON; likewise the mask. */
  findPermutation(runId: string, dataproviderId: number): Promise<string | undefined>;
  findMask(runId: string): Promise<string | undefined>;
}
