// SPDX-License-Identifier: Apache-2.0
/**
 * What the kernel does to this JVM's memory, in recordings of the JDK's Flight Recorder. This package, and no other, needs
 * the module {@code jdk.jfr}.
 *
 * <p>{@link io.mmubridge.jfr.InvalidationRecorder} adds three events to those that a recording may enable, all of them
 * disabled unless it does: {@code io.mmubridge.Invalidation}, {@code io.mmubridge.InvalidationLoss} and
 * {@code io.mmubridge.InvalidationStatistics}.
 */
@NullMarked
package io.mmubridge.jfr;

import org.jspecify.annotations.NullMarked;
