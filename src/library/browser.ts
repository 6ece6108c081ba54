// The library's entry point in browsers and other environments without Node's modules.
import { browserPlatform } from "./browser-platform.js";
import { usePlatform } from "./platform.js";

usePlatform(browserPlatform);

export * from "./index.js";
