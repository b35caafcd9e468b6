// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Words of the command line that stand for values. */
final class Converters {
    private Converters() {}

    /** A process. */
    static final class Pid implements ITypeConverter<Long> {
        @Override
        public Long convert(String word) {
            if (!word.matches("[1-9][0-9]{0,9}")) {
                throw new TypeConversionException("'" + word + "' is not a process");
            }
            return Long.parseLong(word);
        }
    }

    /** How many, one at least. */
    static final class Count implements ITypeConverter<Long> {
        @Override
        public Long convert(String word) {
            if (!word.matches("[1-9][0-9]{0,17}")) {
                throw new TypeConversionException("'" + word + "' is not a number from 1");
            }
            return Long.parseLong(word);
        }
    }

    /** START-END or START+SIZE; numbers are decimal, or hexadecimal with 0x; a size may end with K, M or G. */
    static final class Range implements ITypeConverter<AddressRange> {
        private static final Pattern SYNTAX = Pattern.compile(
                "(0x[0-9a-fA-F]+|[0-9]+)(?:-(0x[0-9a-fA-F]+|[0-9]+)|\\+(0x[0-9a-fA-F]+|[0-9]+)([KMG]?))");

        @Override
        public AddressRange convert(String word) {
            Matcher matcher = SYNTAX.matcher(word);
            if (!matcher.matches()) {
                throw new TypeConversionException(
                        "'" + word + "' is not a range: START-END or START+SIZE, with 0x where hexadecimal,"
                                + " and a size may end with K, M or G");
            }
            try {
                long start = number(matcher.group(1));
                String end = matcher.group(2);
                return new AddressRange(
                        start, end != null ? number(end) : start + size(matcher.group(3), matcher.group(4)));
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException("'" + word + "' is not a range: " + e.getMessage());
            }
        }

        private static long size(String digits, String unit) {
            long number = number(digits);
            int shift = 10 * Math.max(0, " KMG".indexOf(unit));
            if (number << shift >>> shift != number) {
                throw new NumberFormatException("the size is larger than any address");
            }
            return number << shift;
        }

        private static long number(String digits) {
            return digits.startsWith("0x")
                    ? Long.parseUnsignedLong(digits, 2, digits.length(), 16)
                    : Long.parseUnsignedLong(digits);
        }
    }

    /** A number with a unit: ms, s, m or h; seconds without. */
    static final class Time implements ITypeConverter<Duration> {
        private static final Pattern SYNTAX = Pattern.compile("([0-9]{1,9}(?:\\.[0-9]{1,9})?)(ms|s|m|h)?");

        @Override
        public Duration convert(String word) {
            Matcher matcher = SYNTAX.matcher(word);
            if (!matcher.matches()) {
                throw new TypeConversionException(
                        "'" + word + "' is not a duration: a number with ms, s, m or h, such as 1.5s");
            }
            String unit = matcher.group(2) == null ? "s" : matcher.group(2);
            BigDecimal nanos = new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(nanosOf(unit)));
            try {
                return Duration.ofNanos(nanos.toBigInteger().longValueExact());
            } catch (ArithmeticException e) {
                throw new TypeConversionException("'" + word + "' is longer than 292 years");
            }
        }

        private static long nanosOf(String unit) {
            return switch (unit) {
                case "ms" -> 1_000_000L;
                case "s" -> 1_000_000_000L;
                case "m" -> 60_000_000_000L;
                default -> 3_600_000_000_000L;
            };
        }
    }

    /** A power of two of bytes, of one page at least: a number with K, M or G, or of bytes. */
    static final class CellSize implements ITypeConverter<Long> {
        private static final Pattern SYNTAX = Pattern.compile("([0-9]{1,12})([KMG]?)");
        private static final long PAGE = 4096;
        private static final long LARGEST = 1L << 40;

        @Override
        public Long convert(String word) {
            Matcher matcher = SYNTAX.matcher(word);
            long size = matcher.matches()
                    ? Long.parseLong(matcher.group(1)) << (10 * Math.max(0, " KMG".indexOf(matcher.group(2))))
                    : 0;
            if (size < PAGE || size > LARGEST || Long.bitCount(size) != 1) {
                throw new TypeConversionException(
                        "'" + word + "' is not a size of cells: a power of two from 4K, such as 64K or 2M");
            }
            return size;
        }
    }
}
