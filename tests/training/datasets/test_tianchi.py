"""Tianchi's three files as a data set."""

from tests.training.datasets.prepared import prepare, write

HEADER = "user,item,label,time,sex,age,pur_power,category,shop,brand"


def test_tianchis_three_files_are_joined(tmp_path):
    write(tmp_path / "user.csv", "1,0,17,3", "2,1,35,5", "9,1,70,5")
    write(tmp_path / "item.csv", "10,100,7,8", "11,101,70,80")
    write(
        tmp_path / "user_behavior.csv", "2,10,buy,50", "1,11,pv,20", "1,10,cart,10", "1,12,fav,20"
    )
    prepare(tmp_path / "data", tmp_path / "*.csv")
    assert (tmp_path / "data/tianchi.csv").read_text().split() == [
        HEADER,
        "1,10,cart,10,0,0,3,100,7,8",
        "1,11,pv,20,0,0,3,101,70,80",
        "1,12,fav,20,0,0,3,-1,-1,-1",
        "2,10,buy,50,1,4,5,100,7,8",
    ]


def test_age_buckets_begin_at_their_ages(tmp_path):
    write(tmp_path / "user.csv", *(f"{at},1,{age},1" for at, age in enumerate((19, 20, 29, 30))))
    write(tmp_path / "user_behavior.csv", *(f"{user},1,pv,1" for user in range(5)))
    got = prepare(tmp_path / "data", tmp_path, "--age_buckets", "20,30")
    assert got["age"] == [0, 1, 1, 2, -1]
