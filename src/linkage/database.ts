import type {
  Dataprovider,
  PartyState,
  Project,
  ProjectDescription,
  Upload,
  UploadState,
} from "./project.js";
import type { Run, RunDescription, RunState } from "./run.js";

/** All that is known of projects and runs, but for encodings and files. What lasts. */
export interface Database extends ProjectDatabase, UploadDatabase, RunDatabase, ResultDatabase {
  /** Rejects unless the database answers and has its tables. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface ProjectDatabase {
  /** Adds a project and its parties, whose indices are the tokens' positions, in one transaction. */
  addProject(project: ProjectDescription, updateTokens: readonly string[]): Promise<void>;

  /** Oldest first; those marked for deletion are left out. */
  listProjects(): Promise<readonly Pick<Project, "projectId" | "timeAdded">[]>;

  countProjects(): Promise<number>;

  /** `undefined` if there is none, or it is marked for deletion. */
  findProject(projectId: string): Promise<Project | undefined>;

  /** By index; none if there is no such project, or it is marked for deletion. */
  listDataproviders(projectId: string): Promise<readonly Dataprovider[]>;

  /**
   * Settles the encoding size of a project that has none yet.
   *
   * @returns the project's encoding size, whoever set it; `undefined` if the project is gone
   */
  settleEncodingSize(projectId: string, encodingSize: number): Promise<number | undefined>;

  /** From now on the project is as good as gone. Returns whether it was there and not marked before. */
  markProjectDeleted(projectId: string): Promise<boolean>;

  /** Projects that are marked for deletion and not removed yet. */
  listDeletedProjects(): Promise<readonly string[]>;

  /** Names of all files that the project's rows name: of uploads and of similarity scores. */
  listProjectFiles(projectId: string): Promise<readonly string[]>;

  /** Ids of all runs of a project, also of one that is marked for deletion. */
  listProjectRunIds(projectId: string): Promise<readonly string[]>;

  /** Removes all rows of the project but, as the original does, not while others still read them for long. */
  removeProject(projectId: string): Promise<void>;
}

/** What an upload is known to hold once it is stored. */
export interface UploadSummary {
  readonly recordCount: number;
  readonly blockCount: number;
  /** Bytes in an encoding. */
  readonly encodingSize: number;
}

export interface UploadDatabase {
  /**
   * Takes the party's turn to upload: `not_started` or `error` → `in_progress`, its earlier uploads dropped, and a
   * pending upload of that receipt token added, in one transaction. Whoever comes second gets `false`.
   *
   * @param file the object that will hold the encodings, where a store keeps them in objects
   */
  beginUpload(dataproviderId: number, receiptToken: string, file: string | undefined): Promise<boolean>;

  /**
   * Takes over the turn of an upload that was broken off: as {@link beginUpload}, but from `in_progress` with a pending
   * upload of that other receipt token, and only if it is still the one.
   */
  takeOverUpload(
    dataproviderId: number,
    abandonedReceiptToken: string,
    receiptToken: string,
    file: string | undefined,
  ): Promise<boolean>;

  /**
   * Ends a pending upload: the party is done, and the upload ready; or, with `state: "error"`, both are in error.
   *
   * @returns `false` if that upload is no longer the party's pending one
   */
  finishUpload(
    dataproviderId: number,
    receiptToken: string,
    summary: UploadSummary,
    state: Exclude<UploadState, "pending">,
  ): Promise<boolean>;

  /** Drops an upload that was refused or broken off, and gives the party its turn back, in that state. */
  dropUpload(
    dataproviderId: number,
    receiptToken: string,
    partyState: Extract<PartyState, "not_started" | "error">,
  ): Promise<void>;

  /** Accepts an upload that a task will read from an object store: the party is done, the upload still pending. */
  acceptPendingUpload(dataproviderId: number, receiptToken: string): Promise<boolean>;

  /**
   * Makes sure, for a task that will store it, that the party has a pending upload of that receipt token and file: adds
   * it where the Python API has left that to the task; where it is there and pending, sets the file.
   *
   * @returns `false` if that upload is ready or in error, or the party is gone; then nothing was changed
   */
  preparePendingUpload(
    dataproviderId: number,
    receiptToken: string,
    file: string | undefined,
  ): Promise<boolean>;

  /**
   * Marks an upload, and its party, as in error; adds the upload if it is missing, as the original does. Of a project
   * that is gone, nothing is marked.
   */
  failUpload(dataproviderId: number, receiptToken: string | undefined): Promise<void>;

  /** Uploads that are pending: their parties, receipt tokens, files; for a service that starts anew. */
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
   * Adds blocks of a party's pending upload, with the numbers of their rows, in one transaction.
   *
   * @param receiptToken of the upload that is being stored: one whose turn was taken over adds nothing any more
   * @param blocks names as the original hashes them (64 hexadecimal characters), each once; up to 100,000 a call
   * @returns the blocks' ids, in the same order; all of them greater than those of earlier calls for the party
   * @throws ServiceError `forbidden` if that upload is no longer the party's pending one
   */
  addBlocks(
    dataproviderId: number,
    receiptToken: string,
    blocks: readonly { name: string; recordCount: number }[],
  ): Promise<readonly number[]>;

  /** Removes all blocks of a party; for those who hold its turn. */
  removeBlocks(dataproviderId: number): Promise<void>;

  /**
   * The blocks that two parties have in common, by name, as a stream. Where nobody uses blocks, the one block of all rows
   * may be named `1` or by the hash of `1`: both are the same.
   */
  listCommonBlocks(leftDataproviderId: number, rightDataproviderId: number): AsyncIterable<CommonBlock>;

  /** Sum over block names of the products of the two parties' counts, of each two parties of the project. */
  countComparisons(projectId: string): Promise<number>;
}

/** A block of two parties: the ids of each one's part of it, and how many rows that has. */
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

  /** The state of a run; `undefined` if the run or its project does not exist, or the project is marked for deletion. */
  runState(projectId: string, runId: string): Promise<RunState | undefined>;

  /** How many runs are in each state; for metrics. */
  countRuns(): Promise<Readonly<Record<RunState, number>>>;

  /** `created` → `queued`, stage 2, for all such runs of the project, in one statement. Returns their ids. */
  queueRuns(projectId: string): Promise<readonly string[]>;

  /** `created` or `queued` → `running`, and notes the time. Returns whether this call did it: of two, one. */
  startRun(runId: string): Promise<boolean>;

  /** Takes a running run to the next stage, from that one only, so that doing it twice changes nothing. */
  progressStage(runId: string, fromStage: number): Promise<boolean>;

  /** `running` → `completed`, and notes the time. */
  completeRun(runId: string): Promise<boolean>;

  /**
   * Fails a run that has not ended yet, in one step.
   *
   * @param message what the run's status says, for the user
   * @returns whether the run was failed now; `false` if it had ended already or does not exist
   */
  failRun(runId: string, message: string): Promise<boolean>;

  /** Fails all runs of a project that have not ended. */
  failRunsOfProject(projectId: string, message: string): Promise<readonly string[]>;

  /** Runs that are created, queued or running, of all projects, in the order of their making: what a service that starts anew goes on with. */
  listUnfinishedRuns(): Promise<readonly Run[]>;

  /**
   * Removes a run and its results.
   *
   * @returns the names of its files; `undefined` if there was no such run
   */
  removeRun(projectId: string, runId: string): Promise<readonly string[] | undefined>;

  /** All completed runs' comparisons, and the seconds that they took. */
  measureRuns(): Promise<{ readonly comparisons: number; readonly seconds: number }>;

  /** Comparisons a second, over all runs; the newest that was noted. */
  addComparisonRate(rate: number): Promise<void>;
  findComparisonRate(): Promise<number | undefined>;
}

/** A record: the party's index, and the row in its upload. */
export type GroupMember = readonly [datasetIndex: number, row: number];

/**
 * Results; each is stored once, and storing it again changes nothing. Of a run that is gone nothing is stored. Those that may
 * be large are JSON texts on their way in and out: who makes them does so where it holds nobody up.
 */
export interface ResultDatabase {
  addSimilarityScores(runId: string, file: string): Promise<void>;
  /** The name of the candidate file. */
  findSimilarityScores(runId: string): Promise<string | undefined>;

  /** @param groups JSON text: a list of lists of {@link GroupMember} */
  addGroups(runId: string, groups: string): Promise<void>;
  /** The groups as JSON text, as they are stored. */
  findGroups(runId: string): Promise<string | undefined>;

  /** Stores all permutations (by index of the party) and the mask, JSON texts of lists of numbers, in one transaction. */
  addPermutations(
    projectId: string,
    runId: string,
    permutations: readonly { dataproviderId: number; permutation: string }[],
    mask: string,
  ): Promise<void>;
  /** JSON texts. */
  findPermutation(runId: string, dataproviderId: number): Promise<string | undefined>;
  findMask(runId: string): Promise<string | undefined>;
}
