import type { CommonBlock, Database, UploadSummary } from "../../linkage/database.js";
import type { Dataprovider, Project, ProjectDescription, Upload } from "../../linkage/project.js";
import type { Run, RunDescription, RunState } from "../../linkage/run.js";
import * as blocks from "./block-statements.js";
import { checkTables } from "./check-tables.js";
import * as dataproviders from "./dataprovider-statements.js";
import * as projects from "./project-statements.js";
import * as rates from "./rate-statements.js";
import { removeProject } from "./remove-project.js";
import * as results from "./result-statements.js";
import * as runs from "./run-statements.js";
import type { SqlConnection } from "./sql-connection.js";
import * as uploads from "./upload-statements.js";

/** The entity service's tables on any PostgreSQL; Python workers may share them. */
export class SqlDatabase implements Database {
  readonly #connection: SqlConnection;

  constructor(connection: SqlConnection) {
    this.#connection = connection;
  }

  check(signal?: AbortSignal): Promise<void> {
    return checkTables(this.#connection, signal);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  // Projects

  addProject(project: ProjectDescription, updateTokens: readonly string[]): Promise<void> {
    return projects.addProject(this.#connection, project, updateTokens);
  }

  listProjects(): Promise<readonly Pick<Project, "projectId" | "timeAdded">[]> {
    return projects.listProjects(this.#connection);
  }

  countProjects(): Promise<number> {
    return projects.countProjects(this.#connection);
  }

  findProject(projectId: string): Promise<Project | undefined> {
    return projects.findProject(this.#connection, projectId);
  }

  listDataproviders(projectId: string): Promise<readonly Dataprovider[]> {
    return dataproviders.listDataproviders(this.#connection, projectId);
  }

  settleEncodingSize(projectId: string, encodingSize: number): Promise<number | undefined> {
    return projects.settleEncodingSize(this.#connection, projectId, encodingSize);
  }

  markProjectDeleted(projectId: string): Promise<boolean> {
    return projects.markProjectDeleted(this.#connection, projectId);
  }

  listDeletedProjects(): Promise<readonly string[]> {
    return projects.listDeletedProjects(this.#connection);
  }

  listProjectFiles(projectId: string): Promise<readonly string[]> {
    return projects.listProjectFiles(this.#connection, projectId);
  }

  listProjectRunIds(projectId: string): Promise<readonly string[]> {
    return projects.listProjectRunIds(this.#connection, projectId);
  }

  removeProject(projectId: string): Promise<void> {
    return removeProject(this.#connection, projectId);
  }

  // Uploads

  beginUpload(dataproviderId: number, receiptToken: string, file: string | undefined): Promise<boolean> {
    return uploads.beginUpload(this.#connection, dataproviderId, receiptToken, file);
  }

  takeOverUpload(
    dataproviderId: number,
    abandonedReceiptToken: string,
    receiptToken: string,
    file: string | undefined,
  ): Promise<boolean> {
    return uploads.takeOverUpload(
      this.#connection,
      dataproviderId,
      abandonedReceiptToken,
      receiptToken,
      file,
    );
  }

  finishUpload(
    dataproviderId: number,
    receiptToken: string,
    summary: UploadSummary,
    state: "ready" | "error",
  ): Promise<boolean> {
    return uploads.finishUpload(this.#connection, dataproviderId, receiptToken, summary, state);
  }

  dropUpload(
    dataproviderId: number,
    receiptToken: string,
    partyState: "not_started" | "error",
  ): Promise<void> {
    return uploads.dropUpload(this.#connection, dataproviderId, receiptToken, partyState);
  }

  acceptPendingUpload(dataproviderId: number, receiptToken: string): Promise<boolean> {
    return uploads.acceptPendingUpload(this.#connection, dataproviderId, receiptToken);
  }

  preparePendingUpload(
    dataproviderId: number,
    receiptToken: string,
    file: string | undefined,
  ): Promise<boolean> {
    return uploads.preparePendingUpload(this.#connection, dataproviderId, receiptToken, file);
  }

  failUpload(dataproviderId: number, receiptToken: string | undefined): Promise<void> {
    return uploads.failUpload(this.#connection, dataproviderId, receiptToken);
  }

  listPendingUploads(): Promise<readonly dataproviders.PendingUpload[]> {
    return dataproviders.listPendingUploads(this.#connection);
  }

  findUpload(dataproviderId: number): Promise<Upload | undefined> {
    return dataproviders.findUpload(this.#connection, dataproviderId);
  }

  // Blocks

  addBlocks(
    dataproviderId: number,
    receiptToken: string,
    added: readonly { name: string; recordCount: number }[],
  ): Promise<readonly number[]> {
    return blocks.addBlocks(this.#connection, dataproviderId, receiptToken, added);
  }

  removeBlocks(dataproviderId: number): Promise<void> {
    return blocks.removeBlocks(this.#connection, dataproviderId);
  }

  listCommonBlocks(
    leftDataproviderId: number,
    rightDataproviderId: number,
  ): AsyncGenerator<CommonBlock, void, undefined> {
    return blocks.listCommonBlocks(this.#connection, leftDataproviderId, rightDataproviderId);
  }

  countComparisons(projectId: string): Promise<number> {
    return blocks.countComparisons(this.#connection, projectId);
  }

  // Runs

  addRun(run: RunDescription): Promise<boolean> {
    return runs.addRun(this.#connection, run);
  }

  listRuns(projectId: string): Promise<readonly Run[]> {
    return runs.listRuns(this.#connection, projectId);
  }

  findRun(projectId: string, runId: string): Promise<Run | undefined> {
    return runs.findRun(this.#connection, projectId, runId);
  }

  runState(projectId: string, runId: string): Promise<RunState | undefined> {
    return runs.runState(this.#connection, projectId, runId);
  }

  countRuns(): Promise<Readonly<Record<RunState, number>>> {
    return runs.countRuns(this.#connection);
  }

  queueRuns(projectId: string): Promise<readonly string[]> {
    return runs.queueRuns(this.#connection, projectId);
  }

  startRun(runId: string): Promise<boolean> {
    return runs.startRun(this.#connection, runId);
  }

  progressStage(runId: string, fromStage: number): Promise<boolean> {
    return runs.progressStage(this.#connection, runId, fromStage);
  }

  completeRun(runId: string): Promise<boolean> {
    return runs.completeRun(this.#connection, runId);
  }

  failRun(runId: string, message: string): Promise<boolean> {
    return runs.failRun(this.#connection, runId, message);
  }

  failRunsOfProject(projectId: string, message: string): Promise<readonly string[]> {
    return runs.failRunsOfProject(this.#connection, projectId, message);
  }

  listUnfinishedRuns(): Promise<readonly Run[]> {
    return runs.listUnfinishedRuns(this.#connection);
  }

  removeRun(projectId: string, runId: string): Promise<readonly string[] | undefined> {
    return runs.removeRun(this.#connection, projectId, runId);
  }

  measureRuns(): Promise<{ readonly comparisons: number; readonly seconds: number }> {
    return rates.measureRuns(this.#connection);
  }

  addComparisonRate(rate: number): Promise<void> {
    return rates.addComparisonRate(this.#connection, rate);
  }

  findComparisonRate(): Promise<number | undefined> {
    return rates.findComparisonRate(this.#connection);
  }

  // Results

  addSimilarityScores(runId: string, file: string): Promise<void> {
    return results.addSimilarityScores(this.#connection, runId, file);
  }

  findSimilarityScores(runId: string): Promise<string | undefined> {
    return results.findSimilarityScores(this.#connection, runId);
  }

  addGroups(runId: string, groups: string): Promise<void> {
    return results.addGroups(this.#connection, runId, groups);
  }

  findGroups(runId: string): Promise<string | undefined> {
    return results.findGroups(this.#connection, runId);
  }

  addPermutations(
    projectId: string,
    runId: string,
    permutations: readonly { dataproviderId: number; permutation: string }[],
    mask: string,
  ): Promise<void> {
    return results.addPermutations(this.#connection, projectId, runId, permutations, mask);
  }

  findPermutation(runId: string, dataproviderId: number): Promise<string | undefined> {
    return results.findPermutation(this.#connection, runId, dataproviderId);
  }

  findMask(runId: string): Promise<string | undefined> {
    return results.findMask(this.#connection, runId);
  }
}
