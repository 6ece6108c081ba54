import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { ServiceError } from "../../linkage/errors.js";
import { checkObjectName } from "../../linkage/object-names.js";
import type { SharedObjects, TemporaryCredentials } from "../../linkage/object-store.js";
import { isNetworkError, type RetryOptions, withRetries } from "../with-retries.js";

/** STS's limits on the lifetime of temporary credentials, in seconds. */
export const STS_DURATION_LIMITS = { min: 900, max: 604_800 } as const;

const TIMEOUT_MS = 30_000;

export interface MinioSharedObjectsOptions {
  /** `host` or `host:port`, as clients reach it; the service requests credentials from it, too. */
  readonly endpoint: string;
  /** Whether to use TLS. */
  readonly secure: boolean;
  /** Of a user with the permissions that the credentials will grant; on AWS, not of the root user. */
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Lifetime of the credentials, in seconds: 900 to 604,800. Default: 43,200. */
  readonly durationSeconds?: number;
  /** Called before credentials are issued: creates the bucket if it is missing. */
  readonly prepareBucket?: () => Promise<void>;
  readonly retry?: RetryOptions;
}

/** Temporary credentials from STS AssumeRole, limited by a session policy. */
export class MinioSharedObjects implements SharedObjects {
  readonly bucket: string;
  readonly endpoint: string;
  readonly secure: boolean;
  readonly #options: MinioSharedObjectsOptions;

  /** @throws ServiceError `invalid-arguments` for a duration out of range */
  constructor(options: MinioSharedObjectsOptions) {
    this.bucket = options.bucket;
    this.endpoint = options.endpoint;
    this.secure = options.secure;
    const { min, max } = STS_DURATION_LIMITS;
    const { durationSeconds = 43_200 } = options;
    if (!(Number.isInteger(durationSeconds) && durationSeconds >= min && durationSeconds <= max)) {
      const expected = `a whole number from ${min} to ${max}`;
      const message = `durationSeconds must be ${expected}, not ${durationSeconds}.`;
      throw new ServiceError("invalid-arguments", message, { subject: "durationSeconds", expected });
    }
    this.#options = { ...options, durationSeconds };
  }

  uploadCredentials(path: string): Promise<TemporaryCredentials> {
    return this.#credentials("s3:PutObject", path, "/*");
  }

  downloadCredentials(name: string): Promise<TemporaryCredentials> {
    return this.#credentials("s3:GetObject", name, "");
  }

  async #credentials(action: string, name: string, suffix: string): Promise<TemporaryCredentials> {
    checkObjectName(name);
    // Policies interpret wildcards and variables; our paths never contain any.
    if (/[*?$]/.test(name)) {
      throw new ServiceError("invalid-arguments", "The path of credentials must not contain *, ? or $.", {
        subject: "path of credentials",
        expected: "no *, ? or $",
      });
    }
    await this.#options.prepareBucket?.();
    const statement = {
      Effect: "Allow",
      Action: [action],
      Resource: [`arn:aws:s3:::${this.bucket}/${name}${suffix}`],
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    return withRetries(() => this.#assumeRole(policy), isNetworkError, this.#options.retry);
  }

  async #assumeRole(policy: string): Promise<TemporaryCredentials> {
    const { accessKey, secretKey, durationSeconds } = this.#options;
    const provider = new AssumeRoleProvider({
      stsEndpoint: `${this.secure ? "https" : "http"}://${this.endpoint}`,
      accessKey,
      secretKey,
      policy,
      durationSeconds: durationSeconds!,
    });
    const response = await inTime(provider.performRequest());
    provider.parseCredentials(response); // throws if the server refused
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } =
      response.AssumeRoleResponse.AssumeRoleResult.Credentials;
    return { AccessKeyId, SecretAccessKey, SessionToken, Expiration };
  }
}

/** The driver itself would wait forever. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `No answer from the object store within ${TIMEOUT_MS} ms.`;
    timer = setTimeout(() => reject(Object.assign(new Error(message), { code: "ETIMEDOUT" })), TIMEOUT_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
