//! Whole tasks, and the tables they become.

use assay_formats::schema;

use crate::support::read;

#[test]
fn the_order_of_fields_does_not_matter() {
    let after = r#"[{"annotations":[{"result":[{"value":{"choices":["a"]},"type":"choices"}],"id":1,"completed_by":2}],"predictions":[4],"data":{},"id":9}]"#;
    let before = r#"[{"id":9,"data":{},"predictions":[4],"annotations":[{"completed_by":2,"id":1,"result":[{"type":"choices","value":{"choices":["a"]}}]}]}]"#;
    let (one, other) = (read(after).unwrap(), read(before).unwrap());
    assert_eq!((one.items, one.annotations, one.results), (other.items, other.annotations, other.results));
}

#[test]
fn tables_are_what_readers_can_read() {
    use arrow::datatypes::DataType;
    fn plain(of: &DataType) -> bool {
        match of {
            DataType::List(element) => !matches!(element.data_type(), DataType::List(_)) && plain(element.data_type()),
            DataType::Struct(fields) => fields.iter().all(|field| plain(field.data_type())),
            DataType::Map(entries, _) => plain(entries.data_type()),
            DataType::Dictionary(..) | DataType::Union(..) | DataType::Null => false,
            _ => true,
        }
    }
    for schema in [schema::items(), schema::annotations(), schema::results(), schema::raters(), schema::rejects()] {
        assert_eq!(schema.metadata()[schema::VERSION_KEY], schema::VERSION.to_string());
        assert!(schema.fields().iter().all(|field| plain(field.data_type())));
    }
}
