//! PROOF (real databases): tables that are hard to carry: every type, every byte, limits of every range; and their comparison by
//! the server itself.

use anyhow::{Context, Result, ensure};
use kfp_database::{Engine, Target};
use kfp_e2e::cache::hex;
use kfp_releases::schema::LogicalSchema;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::database_cases::{fresh_database, run};

/// Every type that both servers have.
const EVERYTHING: &str = "CREATE TABLE everything (
  id bigint unsigned NOT NULL AUTO_INCREMENT,
  ti tinyint, su smallint(5) unsigned zerofill, me mediumint, i int, bu bigint unsigned, b1 bool,
  d decimal(65,30), d0 decimal(10,0) NOT NULL DEFAULT 7, f float, f2 float(10,3), g double, g2 double(20,5),
  bits bit(13), bit1 bit(1), bit64 bit(64), y year,
  dt date, tm time(6), dtm datetime(6), ts timestamp(6) NULL, tz timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  c char(10), vc varchar(100) COMMENT 'it''s, KEY `x` (`y`)', vb varbinary(300), bi binary(16), bl blob, mb mediumblob, lt longtext,
  l1 varchar(300) CHARACTER SET latin1, u16 varchar(100) CHARACTER SET utf16, u32 text CHARACTER SET utf32, uc varchar(50) CHARACTER SET ucs2,
  sj varchar(50) CHARACTER SET sjis, gb varchar(50) CHARACTER SET gbk, tb tinytext COLLATE utf8mb4_bin, u3 varchar(20) CHARACTER SET utf8mb3,
  e enum('a','b''c','é','') , el enum('é','x') CHARACTER SET latin1, s set('x','y','é z'), j json, p point, ge geometry, ls linestring,
  gv int GENERATED ALWAYS AS (i + 1) VIRTUAL, gs varchar(120) GENERATED ALWAYS AS (CONCAT(vc, '\\n;')) STORED,
  `order by` int, `tä``x` int DEFAULT 1,
  PRIMARY KEY (id), UNIQUE KEY uv (vc), KEY k1 (l1(20), i DESC), FULLTEXT KEY ft (lt), KEY gen (gs)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci AUTO_INCREMENT=5000";

/// Types that one of them has.
const ONLY_MARIADB: &str =
    "ALTER TABLE everything ADD COLUMN uu uuid, ADD COLUMN i6 inet6, ADD COLUMN i4 inet4";

/// Tables whose shape is hard.
const SHAPES: &[&str] = &[
    "CREATE TABLE empty_table (a int PRIMARY KEY, b longtext)",
    "CREATE TABLE no_key (a int, b varchar(20), c longblob)",
    "INSERT INTO no_key VALUES (1, 'x', NULL), (1, 'x', NULL), (NULL, NULL, REPEAT(x'ff00', 20000)), (2, '', '')",
    "CREATE TABLE unique_only (a varchar(20) NOT NULL, b int, UNIQUE KEY u (a))",
    "INSERT INTO unique_only VALUES ('a', 1), ('b', NULL)",
    "CREATE TABLE counted_beside (k varchar(20) NOT NULL PRIMARY KEY, n bigint NOT NULL AUTO_INCREMENT, KEY n (n))",
    "INSERT INTO counted_beside VALUES ('x', 0), ('y', 17)",
    "CREATE TABLE composite (a varbinary(20) NOT NULL, b decimal(10,3) NOT NULL, c datetime(3) NOT NULL, d varchar(30) CHARACTER SET latin1 COLLATE latin1_german1_ci NOT NULL, e longtext, PRIMARY KEY (a, b, c, d))",
    "INSERT INTO composite VALUES (x'00', 1.5, '2026-11-24 01:02:03.004', 'ä', REPEAT('ä', 300000)), (x'00', 1.5, '2026-11-24 01:02:03.004', 'z', NULL), (x'ff27', -1, '1000-01-01', 'Ä''\\\\', REPEAT('x', 3000000)), ('', 0, '9999-12-31', '', '')",
    "CREATE TABLE prefix_key (a blob NOT NULL, b longtext, PRIMARY KEY (a(20)))",
    "INSERT INTO prefix_key VALUES (x'00ff', REPEAT('y', 3000000)), ('a', NULL)",
    "CREATE TABLE enum_key (a enum('z','a') NOT NULL PRIMARY KEY, b float)",
    "INSERT INTO enum_key VALUES ('a', 0.1), ('z', 16777216)",
    "CREATE TABLE parent (id varchar(191) NOT NULL PRIMARY KEY, up varchar(191), CONSTRAINT up FOREIGN KEY (up) REFERENCES parent (id)) ",
    "CREATE TABLE child (id int NOT NULL PRIMARY KEY, whose varchar(191) NOT NULL, CONSTRAINT `of``it` FOREIGN KEY (whose) REFERENCES parent (id) ON DELETE CASCADE)",
    "INSERT INTO parent VALUES ('a', NULL), ('b', 'a')",
    "INSERT INTO child VALUES (1, 'a'), (2, 'b')",
    "CREATE TABLE `tä``ble $.1` (`a b` int PRIMARY KEY, `c``d` varchar(9)) COMMENT 'ends; here'",
    "INSERT INTO `tä``ble $.1` VALUES (1, 'x')",
    "CREATE TABLE cut (a int NOT NULL, b varchar(9), PRIMARY KEY (a)) PARTITION BY HASH (a) PARTITIONS 3",
    "INSERT INTO cut VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    "CREATE TABLE huge (id varchar(191) PRIMARY KEY, small int, body longtext, raw longblob)",
];

/// Makes a database with all of them.
pub async fn make(target: &Target, engine: Engine, name: &str) -> Result<MySqlConnection> {
    let mut admin = crate::database_cases::writer(target).await?;
    run(&mut admin, "SET GLOBAL max_allowed_packet = 268435456").await?;
    let mut connection = fresh_database(target, name).await?;
    run(
        &mut connection,
        "SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+05:30'",
    )
    .await?;
    run(&mut connection, EVERYTHING).await?;
    if engine == Engine::MariaDb {
        run(&mut connection, ONLY_MARIADB).await?;
    }
    for shape in SHAPES {
        run(&mut connection, shape).await?;
    }
    values(&mut connection, engine).await?;
    huge(&mut connection).await?;
    Ok(connection)
}

async fn values(connection: &mut MySqlConnection, engine: Engine) -> Result<()> {
    let bytes = hex(&(0..=255).collect::<Vec<u8>>());
    let ascii = hex(&(0..128).collect::<Vec<u8>>());
    let sets = [
        // Nothing at all, and a number 0 that is no request for the next one.
        "id = 0".to_owned(),
        "ti = -128, su = 7, me = -8388608, i = -2147483648, bu = 18446744073709551615, b1 = 1, d = 99999999999999999999999999999999999.999999999999999999999999999999, \
         f = 3.4028234e38, f2 = 1234567.891, g = 1.7976931348623157e308, g2 = 123456789012345.12345, bits = b'1000000000001', bit1 = b'1', bit64 = x'ffffffffffffffff', y = 1901"
            .to_owned(),
        "ti = 127, su = 65535, me = 8388607, i = 2147483646, bu = 0, b1 = 0, d = -0.000000000000000000000000000001, f = 0.1, f2 = -0.001, g = 4.9e-324, g2 = -0.00001, \
         bits = 39, bit1 = 0, bit64 = x'270a5c00', y = 0"
            .to_owned(),
        "f = 16777217, g = 0.1, d = 0, i = 5".to_owned(),
        "f = -1.17549435e-38, g = 2.2250738585072014e-308, g2 = 100000000000000".to_owned(),
        "g = '-0', f = '-0'".to_owned(),
        "dt = '0000-00-00', dtm = '0000-00-00 00:00:00', ts = '0000-00-00 00:00:00', tm = '-838:59:59'".to_owned(),
        "dt = '2026-02-31', dtm = '2026-00-00 00:00:00.000001', ts = '1970-01-01 05:30:01.000001', tm = '838:59:58.999999'".to_owned(),
        "dt = '9999-12-31', dtm = '9999-12-31 23:59:59.999999', ts = '2038-01-19 08:44:07.999999', tz = '2026-10-25 02:30:00'".to_owned(),
        format!("vb = x'{bytes}', bl = x'{bytes}', mb = REPEAT(x'{bytes}', 300), l1 = _latin1 x'{bytes}', lt = _utf8mb4 x'{ascii}', bi = x'000102'"),
        "c = 'a b  ', vc = 'grün \u{1f600} ''\"\\\\`\n\r\t\0\u{1a};', lt = REPEAT('\u{1f600}\\'\\\\\n', 2000), u16 = 'a\u{1f600}Ā\n', u32 = 'x\u{1f600}''', uc = 'Ωa\n', \
         sj = _utf8mb4'表ソ', gb = _utf8mb4'誠', tb = '\u{1f600}', u3 = 'ü'"
            .to_owned(),
        "c = '', vc = '', vb = '', bi = '', bl = '', lt = '', l1 = '', u16 = '', u32 = '', e = '', s = '', j = '\"\"'".to_owned(),
        "e = 'é', el = 'é', s = 'x,é z', vc = '1'".to_owned(),
        // No member: kept as the number 0.
        "e = 'b''c', el = 'none', s = 'y', vc = '2'".to_owned(),
        "j = '{\"a\": [1, -2.5, 1e300, null, true, \"\\\\u00fc\\\\n\\'\u{1f600}\"], \"\": {}}', vc = '3'".to_owned(),
        "j = 'null', vc = '4', `order by` = 3, `tä``x` = NULL".to_owned(),
        "p = ST_GeomFromText('POINT(1.5 -2)'), ge = ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))', 4326), ls = ST_GeomFromText('LINESTRING(0 0,1 1)'), vc = '5'".to_owned(),
    ];
    for set in sets {
        run(connection, &format!("INSERT INTO everything SET {set}")).await?;
    }
    if engine == Engine::MariaDb {
        run(
            connection,
            "INSERT INTO everything SET vc = '6', uu = '123e4567-e89b-12d3-a456-426655440000', i6 = 'fe80::27', i4 = '10.0.39.92'",
        )
        .await?;
    }
    Ok(())
}

/// A row of 24 MB of text and of 20 MB of all bytes, which needs more than one packet.
async fn huge(connection: &mut MySqlConnection) -> Result<()> {
    let bytes = hex(&(0..=255).collect::<Vec<u8>>());
    run(
        connection,
        &format!(
            "INSERT INTO huge VALUES ('it''s', 1, REPEAT('line of a manifest: \u{1f600}\\n', 900000), NULL), \
             ('raw', 2, 'x', REPEAT(x'{bytes}', 80000)), ('small', 3, 'y', 'z'), \
             ('two', 4, REPEAT('a\\\\', 1100000), NULL), ('nulls', NULL, NULL, NULL)"
        ),
    )
    .await
}

/// Compares two databases value by value, by the server's own means.
pub async fn compare(connection: &mut MySqlConnection, engine: Engine, one: &str, other: &str) -> Result<()> {
    let keyed = [
        ("everything", "id"),
        ("unique_only", "a"),
        ("counted_beside", "k"),
        ("enum_key", "a"),
        ("parent", "id"),
        ("child", "id"),
        ("tä`ble $.1", "a b"),
        ("cut", "a"),
        ("huge", "id"),
    ];
    for (table, key) in keyed {
        differing(
            connection,
            engine,
            [one, other],
            table,
            &format!("x.`{key}` = y.`{key}`"),
        )
        .await?;
    }
    let whole = "x.a = y.a AND x.b = y.b AND x.c = y.c AND x.d = y.d COLLATE latin1_bin";
    differing(connection, engine, [one, other], "composite", whole).await?;
    differing(connection, engine, [one, other], "prefix_key", "x.a = y.a").await?;
    definitions(connection, one, other).await
}

async fn differing(
    connection: &mut MySqlConnection,
    engine: Engine,
    [one, other]: [&str; 2],
    table: &str,
    by: &str,
) -> Result<()> {
    let name = table.replace('`', "``");
    let sql = format!(
        "SELECT CAST(COLUMN_NAME AS CHAR), CAST(DATA_TYPE AS CHAR) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{one}' AND TABLE_NAME = '{name}'",
        name = table.replace('\'', "''"),
    );
    let from = format!("FROM `{one}`.`{name}` x JOIN `{other}`.`{name}` y ON {by}");
    let count = |rows: sqlx::mysql::MySqlRow| -> Result<i64> { Ok(rows.try_get(0)?) };
    let all = connection
        .fetch_one(AssertSqlSafe(format!("SELECT COUNT(*) FROM `{one}`.`{name}`")))
        .await?;
    let there = connection
        .fetch_one(AssertSqlSafe(format!("SELECT COUNT(*) FROM `{other}`.`{name}`")))
        .await?;
    let joined = connection
        .fetch_one(AssertSqlSafe(format!("SELECT COUNT(*) {from}")))
        .await?;
    let (all, there, joined) = (count(all)?, count(there)?, count(joined)?);
    ensure!(
        all == there && all == joined,
        "{table}: {all} rows, {there} rows, {joined} in common"
    );
    let columns = connection.fetch_all(AssertSqlSafe(sql)).await?;
    ensure!(!columns.is_empty(), "{table} has no columns");
    for column in columns {
        let (column, kind): (String, String) = (column.try_get(0)?, column.try_get(1)?);
        let column = column.replace('`', "``");
        let value = |side: &str| match kind.as_str() {
            // Bit by bit: the sign of a zero as well.
            "double" | "float" => format!("CONCAT({side}.`{column}` * 1E0)"),
            "json" if engine == Engine::MySql => format!("CAST({side}.`{column}` AS CHAR)"),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" | "date"
            | "time" | "datetime" | "timestamp" => format!("CONCAT({side}.`{column}`)"),
            "enum" | "set" => format!("CONCAT({side}.`{column}` + 0)"),
            _ => format!("HEX({side}.`{column}`)"),
        };
        let sql = format!(
            "SELECT COUNT(*) {from} WHERE NOT ({} <=> {})",
            value("x"),
            value("y")
        );
        let different = connection
            .fetch_one(AssertSqlSafe(sql))
            .await
            .with_context(|| format!("{table}.{column}"))?;
        let different = count(different)?;
        ensure!(
            different == 0,
            "{table}.{column} ({kind}): {different} values differ"
        );
    }
    Ok(())
}

async fn definitions(connection: &mut MySqlConnection, one: &str, other: &str) -> Result<()> {
    let sql = format!(
        "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{one}'"
    );
    for row in connection.fetch_all(AssertSqlSafe(sql)).await? {
        let table: String = row.try_get(0)?;
        let mut texts = Vec::new();
        for database in [one, other] {
            let sql = format!("SHOW CREATE TABLE `{database}`.`{}`", table.replace('`', "``"));
            let text: String = connection.fetch_one(AssertSqlSafe(sql)).await?.try_get(1)?;
            // MySQL writes it or not, depending on how the table was made; the collation says it.
            texts.push(text.replace(" CHARACTER SET utf8mb4 COLLATE", " COLLATE"));
        }
        ensure!(texts[0] == texts[1], "{}\nis loaded as\n{}", texts[0], texts[1]);
    }
    Ok(())
}

/// A few rows into every table of a schema, with values that fit each type.
pub async fn fill(connection: &mut MySqlConnection, schema: &LogicalSchema) -> Result<()> {
    run(connection, "SET SESSION foreign_key_checks = 0").await?;
    for (name, table) in &schema.tables {
        for number in 0..3 {
            let values: Vec<String> = table
                .columns
                .iter()
                .map(|(column, definition)| {
                    let kind = definition.data_type.split('(').next().unwrap_or_default();
                    let value = match kind {
                        "varchar" | "char" => format!("'{number}\u{1f600}''\\\\'"),
                        "longtext" | "text" | "mediumtext" => {
                            format!("REPEAT('{number} line: \u{1f600}\\n\\'', {})", number * 700)
                        }
                        "blob" | "mediumblob" | "longblob" => format!("REPEAT(x'00ff0{number}27', 500)"),
                        "double" | "float" => format!("{number}.1e-7"),
                        "tinyint" => (number % 2).to_string(),
                        _ => (number * 1_000).to_string(),
                    };
                    format!("`{column}` = {value}")
                })
                .collect();
            run(
                connection,
                &format!("INSERT IGNORE INTO `{name}` SET {}", values.join(", ")),
            )
            .await?;
        }
    }
    Ok(())
}
