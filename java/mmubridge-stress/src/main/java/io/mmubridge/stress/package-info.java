// SPDX-License-Identifier: Apache-2.0
/**
 * The orderings that the model's notifier core rests on, raced on real processors by jcstress.
 *
 * <p>Each test names the results that must never be seen; {@link io.mmubridge.stress.Main} prints how often each was. Results that are {@code ACCEPTABLE_INTERESTING} are those of variants that lack a fence, and it insists on seeing each: a run that does not tell them from what has its fences proves nothing.
 */
@NullMarked
package io.mmubridge.stress;

import org.jspecify.annotations.NullMarked;
