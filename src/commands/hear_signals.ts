/**
 * Listens to signals as soon as it is imported. It is for the program alone, which imports it before the modules
 * that take their time.
 *
 * @module
 */

import { hearSignals } from "./interruption.ts";

hearSignals();
